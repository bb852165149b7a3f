namespace SimdEmbed;

/// <summary>How the rows of a bag become one: <c>mode</c> of PyTorch's <c>nn.EmbeddingBag</c>. An empty bag is zeros.</summary>
public enum Pooling
{
    /// <summary><c>'mean'</c>: <c>sum(x) / n</c>; with weights <c>sum(w x) / sum(w)</c>, and zeros where <c>sum(w)</c> is 0.</summary>
    Mean = 0,

    /// <summary><c>'sum'</c>: <c>sum(x)</c>; with weights <c>sum(w x)</c>.</summary>
    Sum = 1,

    /// <summary><c>'max'</c>, column by column; the first of equal values wins, and a NaN only if it comes first. No weights.</summary>
    Max = 2,

    /// <summary>
    /// <c>sum(x) / sqrt(n)</c>; with weights <c>sum(w x) / sqrt(sum(w^2))</c>, and zeros where that is 0. TensorFlow's
    /// <c>sqrtn</c>; PyTorch has none.
    /// </summary>
    SqrtN = 3,
}
