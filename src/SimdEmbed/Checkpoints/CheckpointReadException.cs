namespace SimdEmbed;

/// <summary>No generation in a directory can be loaded: there is none, or each one is damaged. The message is one line.</summary>
public sealed class CheckpointReadException : IOException
{
    internal CheckpointReadException(string directory, IReadOnlyList<SkippedGeneration> skipped, bool isPartlyLoaded)
        : base(Text(directory, skipped, isPartlyLoaded)) => (Directory, Skipped) = (directory, skipped);

    /// <summary>The directory's full path.</summary>
    public string Directory { get; }

    /// <summary>The generations that were tried, the newest first, and what is wrong with each.</summary>
    public IReadOnlyList<SkippedGeneration> Skipped { get; }

    private static string Text(string directory, IReadOnlyList<SkippedGeneration> skipped, bool isPartlyLoaded)
    {
        if (skipped.Count == 0) return $"{directory}: there is no checkpoint.";
        string state = isPartlyLoaded ? "part of the state was overwritten" : "nothing was changed";
        return $"{directory}: none of {skipped.Count} generations can be loaded, and {state}; the newest, {skipped[0].Generation}: {skipped[0].Reason}";
    }
}
