namespace SimdEmbed;

/// <summary>How far a save or load is.</summary>
/// <param name="Bytes">Bytes of tensors done.</param>
/// <param name="TotalBytes">Bytes of all tensors; loading goes through each twice, once to verify it.</param>
public readonly record struct CheckpointProgress(long Bytes, long TotalBytes);

/// <summary>A checkpoint that is on the disk.</summary>
/// <param name="Generation">Its number: 1 more than the newest before.</param>
/// <param name="Path">Its file, which any reader of safetensors opens.</param>
/// <param name="Bytes">The file's length.</param>
public sealed record SavedCheckpoint(long Generation, string Path, long Bytes)
{
    /// <summary>The generation that a delta builds on; null for a full checkpoint.</summary>
    public long? Parent { get; init; }
}

/// <summary>A generation that cannot be loaded.</summary>
/// <param name="Generation">Its number.</param>
/// <param name="Path">Its file.</param>
/// <param name="Reason">What is wrong, in one sentence.</param>
public sealed record SkippedGeneration(long Generation, string Path, string Reason);

/// <summary>What was loaded.</summary>
/// <param name="Generation">The newest generation that verifies.</param>
/// <param name="Path">Its file.</param>
/// <param name="Skipped">Newer generations, and why they were passed over; the newest first.</param>
public sealed record LoadedCheckpoint(long Generation, string Path, IReadOnlyList<SkippedGeneration> Skipped)
{
    /// <summary>The generations that make it up: a full one, and deltas in the order they were applied in.</summary>
    public IReadOnlyList<long> Chain { get; init; } = [Generation];
}

/// <summary>One generation in a directory.</summary>
/// <param name="Generation">Its number.</param>
/// <param name="Path">Its file.</param>
/// <param name="Bytes">The file's length; 0 when it cannot be opened.</param>
/// <param name="Step">The training step it was saved at; 0 when it cannot be read.</param>
/// <param name="Problem">What is wrong with it, or with one that it builds on, in one sentence; null for a generation that can be loaded.</param>
public sealed record CheckpointGeneration(long Generation, string Path, long Bytes, long Step, string? Problem)
{
    /// <summary>The generation that a delta builds on; null for a full checkpoint, or when it cannot be read.</summary>
    public long? Parent { get; init; }

    /// <summary>XxHash3 of the header, in which the sums of all tensors stand, 16 hexadecimal digits; null when it cannot be read.</summary>
    public string? Hash { get; init; }
}
