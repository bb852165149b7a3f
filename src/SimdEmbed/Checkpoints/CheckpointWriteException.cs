namespace SimdEmbed;

/// <summary>
/// A checkpoint could not be written: the disk is full or failing, may not be written to, or another saver is at work in the directory. The
/// training state is as it was, no part of the new checkpoint is left, and the call may be repeated. The message is one line.
/// </summary>
public sealed class CheckpointWriteException : IOException
{
    internal CheckpointWriteException(string directory, string reason, long? intactGeneration, Exception? inner = null)
        : base(
            intactGeneration is { } generation
                ? $"{directory}: no checkpoint was written: {reason.TrimEnd('.')}; generation {generation} is intact."
                : $"{directory}: no checkpoint was written: {reason.TrimEnd('.')}; there was none before.",
            inner)
    {
        if (inner != null) HResult = inner.HResult;
        Directory = directory;
        IntactGeneration = intactGeneration;
    }

    /// <summary>The directory, as it was named in the call.</summary>
    public string Directory { get; }

    /// <summary>The newest generation there was before the call, and still is; null when there was none.</summary>
    public long? IntactGeneration { get; }
}
