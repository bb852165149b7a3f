namespace SimdEmbed.Cli;

/// <summary>Messages on standard error, one line each whatever they quote.</summary>
internal static class StandardError
{
    public static void WriteLine(string kind, string message)
    {
        string line = string.Concat(message.Select(static c => char.IsControl(c) ? ' ' : c));
        Console.Error.WriteLine($"{kind}: {line}");
    }
}
