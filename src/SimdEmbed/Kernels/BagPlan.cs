namespace SimdEmbed.Kernels;

/// <summary>Bags that were validated: bag <c>b</c> pools the rows <c>Indices[Offsets[b]]</c> to <c>Indices[Offsets[b + 1] - 1]</c>.</summary>
internal unsafe ref struct BagPlan<TIndex>
    where TIndex : unmanaged
{
    public TIndex* Indices;

    /// <summary><c>Count + 1</c> positions in <see cref="Indices"/>; not read when every bag holds one index.</summary>
    public int* Offsets;

    /// <summary>How many bags.</summary>
    public int Count;

    /// <summary>What each bag's result is divided by, or null for nothing: frequencies, or the counts of a mean.</summary>
    public float* Divisors;

    /// <summary>The output row of each bag, or null for one after the other.</summary>
    public long* Targets;
}
