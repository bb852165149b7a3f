namespace SimdEmbed;

/// <summary>How an <see cref="Embedding"/> behaves: the arguments of PyTorch's <c>nn.Embedding</c>, with its defaults.</summary>
public sealed record EmbeddingOptions
{
    internal static readonly EmbeddingOptions Default = new();

    /// <summary>
    /// <c>padding_idx</c>: the row that stands for nothing and receives no gradient; a negative number counts from the end. An
    /// embedding that makes its own weights starts with this row at zero; weights that are given are kept as they are.
    /// </summary>
    public long? PaddingIndex { get; init; }

    /// <summary>
    /// <c>max_norm</c>: rows whose norm is strictly above it are scaled by <c>MaxNorm / (norm + 1e-7)</c> when they are looked
    /// up. Null for no limit; one below 0 turns rows round, and NaN limits nothing, as in PyTorch.
    /// </summary>
    public float? MaxNorm { get; init; }

    /// <summary>
    /// <c>norm_type</c>, the p of the p-norm. 0 counts the columns that are not zero, the infinities take the largest and the
    /// smallest absolute value, and negative numbers are taken as PyTorch takes them.
    /// </summary>
    public float NormType { get; init; } = 2;

    /// <summary>What <see cref="MaxNorm"/> scales: the table's rows, as PyTorch does, or the looked-up copies.</summary>
    public RenormTarget RenormTarget { get; init; }

    /// <summary>
    /// <c>scale_grad_by_freq</c>: the gradient of a row is divided by how often the row occurs in the batch. PyTorch refuses it
    /// together with <see cref="Sparse"/>; here it has the same meaning for both kinds of gradient.
    /// </summary>
    public bool ScaleGradByFrequency { get; init; }

    /// <summary><c>sparse</c>: <see cref="Embedding.CreateGradient"/> makes sparse gradients instead of dense ones.</summary>
    public bool Sparse { get; init; }

    /// <summary><c>freeze</c> of <c>from_pretrained</c>: the weights are not to be trained, and Backward refuses.</summary>
    public bool Frozen { get; init; }

    /// <summary>What an index that is no row does. PyTorch always throws.</summary>
    public UnknownIndexPolicy UnknownIndices { get; init; }

    /// <summary>
    /// How many threads a Forward may use, the caller's included: 1 or more, and in effect at most one per processor. A small batch
    /// wakes none. The results are the same bits at any degree. What a training step may use is <c>OptimizerOptions.Degree</c>.
    /// </summary>
    public int Degree { get; init; } = 1;
}

/// <summary>What a <see cref="EmbeddingOptions.MaxNorm"/> scales.</summary>
public enum RenormTarget
{
    /// <summary>The rows of the table, in place, before they are looked up: PyTorch's. Such a Forward needs the table to itself.</summary>
    Table = 0,

    /// <summary>The output; the table does not change, and any threads may look up at once.</summary>
    Output = 1,
}

/// <summary>What an index that is no row of the table does.</summary>
public enum UnknownIndexPolicy
{
    /// <summary>The call throws, and nothing is written.</summary>
    Throw = 0,

    /// <summary>It reads as zeros, receives no gradient and is counted.</summary>
    Zeros = 1,

    /// <summary>It reads as the padding row, receives no gradient and is counted.</summary>
    PaddingRow = 2,
}
