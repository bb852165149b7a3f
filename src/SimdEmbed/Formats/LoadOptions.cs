namespace SimdEmbed;

/// <summary>How much a file may ask for, and what becomes of its half-width floats.</summary>
public sealed record LoadOptions
{
    /// <summary>
    /// The most bytes that one table, or one file's description of its tensors, may take; a file that needs more is refused before
    /// memory is given to it. The default is no limit but the file's own length: nothing in a file is believed beyond that.
    /// </summary>
    public long MaxBytes { get; init; } = long.MaxValue;

    /// <summary>
    /// True to make float16 and bfloat16 tensors tables of that codec, bit for bit; by default they become float32 tables, twice as large.
    /// Compact integer tables stay what they are either way.
    /// </summary>
    public bool KeepHalf { get; init; }
}
