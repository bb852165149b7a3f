namespace SimdEmbed;

/// <summary>How far a save or load is.</summary>
public readonly record struct CheckpointProgress
{
    /// <summary>Bytes of tensors done.</summary>
    public required long Bytes { get; init; }

    /// <summary>Bytes of all tensors; loading goes through each twice, once to verify it.</summary>
    public required long TotalBytes { get; init; }
}

/// <summary>A checkpoint that is on the disk.</summary>
public sealed record SavedCheckpoint
{
    /// <summary>Its number: 1 more than the newest before.</summary>
    public required long Generation { get; init; }

    /// <summary>Its file, which any reader of safetensors opens.</summary>
    public required string Path { get; init; }

    /// <summary>The file's length.</summary>
    public required long Bytes { get; init; }

    /// <summary>The generation that a delta builds on; null for a full checkpoint.</summary>
    public required long? Parent { get; init; }
}

/// <summary>A generation that cannot be loaded.</summary>
public sealed record SkippedGeneration
{
    /// <summary>Its number.</summary>
    public required long Generation { get; init; }

    /// <summary>Its file.</summary>
    public required string Path { get; init; }

    /// <summary>What is wrong, in one sentence.</summary>
    public required string Reason { get; init; }
}

/// <summary>What was loaded.</summary>
public sealed record LoadedCheckpoint
{
    /// <summary>The newest generation that verifies.</summary>
    public required long Generation { get; init; }

    /// <summary>Its file.</summary>
    public required string Path { get; init; }

    /// <summary>Newer generations, and why they were passed over; the newest first.</summary>
    public required IReadOnlyList<SkippedGeneration> Skipped { get; init; }

    /// <summary>The generations that make it up: a full one, and deltas in the order they were applied in.</summary>
    public required IReadOnlyList<long> Chain { get; init; }
}

/// <summary>One generation in a directory.</summary>
public sealed record CheckpointGeneration
{
    /// <summary>Its number.</summary>
    public required long Generation { get; init; }

    /// <summary>Its file.</summary>
    public required string Path { get; init; }

    /// <summary>The file's length; 0 when it cannot be opened.</summary>
    public required long Bytes { get; init; }

    /// <summary>The training step it was saved at; 0 when it cannot be read.</summary>
    public required long Step { get; init; }

    /// <summary>What is wrong with it, or with one that it builds on, in one sentence; null for a generation that can be loaded.</summary>
    public required string? Problem { get; init; }

    /// <summary>The generation that a delta builds on; null for a full checkpoint, or when it cannot be read.</summary>
    public required long? Parent { get; init; }

    /// <summary>XxHash3 of the header, in which the sums of all tensors stand, 16 hexadecimal digits; null when it cannot be read.</summary>
    public required string? Hash { get; init; }
}
