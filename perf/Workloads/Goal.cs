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
/// <param name="Rival">Whom we compare with.</param>
/// <param name="TimesAsFast">The least ratio of the rival's time to ours.</param>
/// <param name="AsTime">Whether it is said the other way round, as our time at most.</param>
internal sealed record Goal(Rival Rival, double TimesAsFast, bool AsTime = false)
{
    /// <summary>At most so many times the rival's time.</summary>
    public static Goal Within(Rival rival, double times) => new(rival, 1 / times, AsTime: true);

    public override string ToString() => AsTime
        ? FormattableString.Invariant($"<= {1 / TimesAsFast:0.##}x the time of {NameOf(Rival)}")
        : FormattableString.Invariant($">= {TimesAsFast:0.##}x as fast as {NameOf(Rival)}");

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
