namespace SimdEmbed;

/// <summary>How an <see cref="Embedding"/> behaves: the arguments of PyTorch's <c>nn.Embedding</c>.</summary>
public sealed record EmbeddingOptions
{
    internal static readonly EmbeddingOptions Default = new();

    /// <summary><c>sparse</c>: <see cref="Embedding.CreateGradient"/> makes sparse gradients instead of dense ones.</summary>
    public bool Sparse { get; init; }

    /// <summary><c>freeze</c> of <c>from_pretrained</c>: the weights are not to be trained, and Backward refuses.</summary>
    public bool Frozen { get; init; }
}
