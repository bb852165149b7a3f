namespace SimdEmbed;

/// <summary>
/// A checkpoint could not be written: the disk is full or failing, may not be written to, or another saver is at work in the directory. The
/// training state is as it was, no part of the new checkpoint is left, and the call may be repeated. The message is one line.
/// </summary>
public sealed class CheckpointWriteException : IOException
{
    internal CheckpointWriteException(string directory, string reason, long? intactGeneration, Exception? inner = null)
        : base(
            $"{directory}: no checkpoint was written: {reason.TrimEnd('.')}; "
                + (intactGeneration is { } generation ? $"generation {generation} is intact." : "what was there is as it was."),
            inner)
    {
        if (inner != null) HResult = inner.HResult;
        Directory = directory;
        IntactGeneration = intactGeneration;
    }

    /// <summary>The directory's full path.</summary>
    public string Directory { get; }

    /// <summary>The newest generation there was before the call, and still is; null when there was none, or it could not be found out.</summary>
    public long? IntactGeneration { get; }
}
