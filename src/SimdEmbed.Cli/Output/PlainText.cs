namespace SimdEmbed.Cli;

/// <summary>Numbers of things, as one says them, and text of files, as one may print it.</summary>
internal static class PlainText
{
    private const int Longest = 120;

    public static string Tensors(int count) => count == 1 ? "1 tensor" : $"{count} tensors";

    /// <summary>The sum of sizes that a file claims, which may be beyond any number of bytes.</summary>
    public static Int128 Total(IEnumerable<long> bytes) => bytes.Aggregate(Int128.Zero, static (sum, one) => sum + one);

    /// <summary>Text of a file must not move the cursor, and long text is not what was asked for.</summary>
    public static string OneLine(string text) =>
        string.Concat(text.Take(Longest).Select(static c => char.IsControl(c) ? '?' : c)) + (text.Length > Longest ? "..." : "");
}
