namespace SimdEmbed;

/// <summary>How a table is mapped.</summary>
public sealed record MapOptions
{
    /// <summary>
    /// Whether all of the table is read from the disk at once, so that the first lookups do not wait for it. The default is false:
    /// opening then takes no time, and each row is read when it is first looked up.
    /// </summary>
    public bool Prefault { get; init; }
}
