namespace SimdEmbed.Cli;

/// <summary>Messages on standard error, one line each whatever they quote.</summary>
internal static class StandardError
{
    public static void WriteLine(string kind, string message)
    {
        char[] line = message.ToCharArray();
        for (int i = 0; i < line.Length; i++)
        {
            if (char.IsControl(line[i])) line[i] = ' ';
        }

        Console.Error.WriteLine($"{kind}: {new string(line)}");
    }
}
