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
/// <param name="BytesRead">Bytes of the file, as it lies on the disk.</param>
/// <param name="TotalBytes">Its length.</param>
/// <param name="Rows">The rows read so far.</param>
public readonly record struct WordProgress(long BytesRead, long TotalBytes, long Rows);

/// <summary>What was found in a file of word vectors.</summary>
/// <param name="Format">What the file is.</param>
/// <param name="IsCompressed">Whether it is gzip.</param>
/// <param name="PromisedRows">The number of rows its header promises; null without a header.</param>
/// <param name="Duplicates">Words that occurred again. The first occurrence is kept.</param>
/// <param name="SkippedLines">Malformed lines, passed over because <see cref="WordOptions.SkipBad"/> was set.</param>
/// <param name="FirstSkipped">What was wrong with the first of them, and its line number; null when there was none.</param>
public sealed record WordReport(
    WordFormat Format, bool IsCompressed, long? PromisedRows, long Duplicates, long SkippedLines, string? FirstSkipped);
