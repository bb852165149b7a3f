namespace SimdEmbed.Cli;

/// <summary>Numbers of things, as one says them.</summary>
internal static class CountText
{
    public static string Tensors(int count) => count == 1 ? "1 tensor" : $"{count} tensors";
}
