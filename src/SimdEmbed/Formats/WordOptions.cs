namespace SimdEmbed;

/// <summary>How <see cref="WordVectors.Load(string, WordOptions?, CancellationToken)"/> reads a file.</summary>
public sealed record WordOptions
{
    internal static readonly WordOptions Default = new();

    /// <summary>What the file is; null to tell from its first lines.</summary>
    public WordFormat? Format { get; init; }

    /// <summary>
    /// Passes over malformed lines of a text file instead of refusing it, and over a header that promises another number of rows.
    /// <see cref="WordReport"/> counts them.
    /// </summary>
    public bool SkipBad { get; init; }

    /// <summary>The most threads that read a text file, the caller's included; 0 for as many as there are cores.</summary>
    public int Degree { get; init; }

    /// <summary>
    /// The most bytes the vectors may take; null for no limit of its own. A compressed file is then still limited to
    /// 100 times its length and 16 MiB: a few bytes could promise any number of rows.
    /// </summary>
    public long? MaxBytes { get; init; }

    /// <summary>How much text is parsed at a time: as much as stays in a core's cache.</summary>
    internal int BlockBytes { get; init; } = 1 << 20;

    /// <summary>Told after each part of the file that was read, from any of the threads that read it.</summary>
    public IProgress<WordProgress>? Progress { get; init; }
}

/// <summary>How far a file has been read.</summary>
public readonly record struct WordProgress
{
    /// <summary>Bytes of the file, as it lies on the disk.</summary>
    public required long Bytes { get; init; }

    /// <summary>Its length.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>The rows read so far.</summary>
    public required long Rows { get; init; }
}

/// <summary>What was found in a file of word vectors.</summary>
public sealed record WordReport
{
    /// <summary>What the file is.</summary>
    public required WordFormat Format { get; init; }

    /// <summary>Whether it is gzip.</summary>
    public required bool IsCompressed { get; init; }

    /// <summary>The number of rows its header promises; null without a header.</summary>
    public required long? PromisedRows { get; init; }

    /// <summary>Words that occurred again. The first occurrence is kept.</summary>
    public required long Duplicates { get; init; }

    /// <summary>Malformed lines, passed over because <see cref="WordOptions.SkipBad"/> was set.</summary>
    public required long SkippedLines { get; init; }

    /// <summary>What was wrong with the first of them, and its line number; null when there was none.</summary>
    public required string? FirstSkipped { get; init; }
}
