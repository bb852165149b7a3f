namespace SimdEmbed.Kernels;

/// <summary>A choice that the compiler folds: an operator with one is compiled once for each side.</summary>
internal interface IFlag
{
    static abstract bool IsOn { get; }
}

internal readonly struct On : IFlag
{
    public static bool IsOn => true;
}

internal readonly struct Off : IFlag
{
    public static bool IsOn => false;
}
