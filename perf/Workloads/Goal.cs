namespace SimdEmbed.Perf;

/// <summary>Whom a goal compares with.</summary>
internal enum Rival
{
    /// <summary>The loop in C that shows what the machine allows.</summary>
    Limit = 0,

    /// <summary>The loop in C# that a user would write.</summary>
    Loop = 1,

    /// <summary>The fastest of the libraries that ran.</summary>
    BestLibrary = 2,
    PyTorch = 3,
    OnnxRuntime = 4,
    Fbgemm = 5,

    /// <summary>Ourselves on one thread.</summary>
    OneThread = 6,
}

/// <summary>How many times as fast as a rival we mean to be: 2 is half its time, 0.8 is a quarter more.</summary>
internal sealed record Goal(Rival Rival, double TimesAsFast)
{
    /// <summary>At most so many times the rival's time.</summary>
    public static Goal Within(Rival rival, double times) => new(rival, 1 / times);

    public override string ToString() => TimesAsFast >= 1
        ? FormattableString.Invariant($">= {TimesAsFast:0.##}x {NameOf(Rival)}")
        : FormattableString.Invariant($"<= {1 / TimesAsFast:0.##}x the time of {NameOf(Rival)}");

    private static string NameOf(Rival rival) => rival switch
    {
        Rival.Limit => "the limit",
        Rival.Loop => "the C# loop",
        Rival.BestLibrary => "the best library",
        Rival.OnnxRuntime => "ONNX Runtime",
        Rival.Fbgemm => "FBGEMM",
        Rival.OneThread => "one thread",
        _ => "PyTorch",
    };
}
