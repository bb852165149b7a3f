namespace SimdEmbed.Cli;

/// <summary>Paths that commands are given: whether two lead to one file, and what is said of one that something is wrong with.</summary>
internal static class FilePaths
{
    /// <summary>Whether two paths lead to one file, through links too.</summary>
    public static bool AreSame(string first, string second)
    {
        StringComparison comparison =
            OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        return string.Equals(Resolve(first), Resolve(second), comparison);
    }

    /// <summary>Follows the links of every folder on the way, not only the last one; a file need not exist.</summary>
    private static string Resolve(string path)
    {
        string full = Path.GetFullPath(path);
        string resolved = Path.GetPathRoot(full)!;
        foreach (string name in full[resolved.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            resolved = Path.Combine(resolved, name);
            FileInfo entry = new(resolved);
            if (entry.LinkTarget != null) resolved = Resolve(entry.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
        }

        return resolved;
    }

    /// <summary>What the library says of what a file gave it, without the parameter's name that the exception adds: it is none of the user's.</summary>
    public static InvalidDataException Refusal(string path, ArgumentException e) => new($"{path}: {e.Message.Split(" (Parameter")[0]}", e);

    /// <summary>Runs what writes a file, and says of a failure which file it was.</summary>
    public static void Write(string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The system's message may name the temporary file, which the user has never heard of.
            throw new IOException($"cannot write '{path}': {e.Message}", e);
        }
    }
}
