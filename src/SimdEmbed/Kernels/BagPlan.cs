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

    /// <summary>Positions behind the last bag that the next call pools: their rows are asked for here.</summary>
    public int Following;

    /// <summary>A factor for each index, for the operators that take one.</summary>
    public float* Weights;

    /// <summary>A second factor for each index, applied first and rounded: what limits the row's norm.</summary>
    public float* Scales;

    /// <summary>What each bag's result is divided by, or null for nothing. A divisor of 0 makes zeros.</summary>
    public float* Divisors;

    /// <summary>The output row of each bag, or null for one after the other.</summary>
    public long* Targets;

    /// <summary>Floats from one output row to the next.</summary>
    public nint OutputStride;
}
