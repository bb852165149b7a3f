using System.Globalization;
using System.Numerics;
using System.Text;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>
/// A lookup table whose rows are pooled bag by bag: PyTorch's <c>nn.EmbeddingBag</c> on spans, with no allocation per call.
/// </summary>
/// <remarks>
/// Indices that are the padding row are neither pooled nor counted, and receive no gradient. An unknown index that a policy lets
/// in is dropped alike. Any threads may call Forward at once, unless it renormalises the table; that Forward, Backward into one
/// gradient, and anything else that writes are for one thread at a time. When a call throws, nothing has been written.
/// </remarks>
public sealed unsafe partial class EmbeddingBag : IDisposable
{
    // Options, padding, unknown indices and the table's ownership are the same for both, and live there.
    private readonly Embedding _embedding;

    /// <summary>Creates an embedding bag whose weights are drawn from N(0, 1), as PyTorch's are, with a padding row of zeros.</summary>
    /// <param name="numEmbeddings"><c>num_embeddings</c>: the number of rows, 0 or more.</param>
    /// <param name="embeddingDim"><c>embedding_dim</c>: the number of columns, 0 or more.</param>
    /// <param name="seed">Equal seeds give equal weights, on any machine.</param>
    /// <param name="pooling"><c>mode</c>.</param>
    /// <param name="options">The other arguments; null for PyTorch's defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size or option is out of range.</exception>
    /// <exception cref="ArgumentException">Options contradict each other.</exception>
    /// <exception cref="InsufficientMemoryException">The table needs more memory than there is.</exception>
    public EmbeddingBag(long numEmbeddings, int embeddingDim, ulong seed, Pooling pooling = Pooling.Mean, EmbeddingOptions? options = null)
    {
        CheckPooling(pooling);
        _embedding = new Embedding(numEmbeddings, embeddingDim, seed, options);
        Pooling = pooling;
    }

    /// <summary>Creates an embedding bag over a table, which it disposes unless <paramref name="leaveOpen"/>.</summary>
    /// <param name="weight"><c>[numEmbeddings, embeddingDim]</c>; neither copied nor changed, the padding row included.</param>
    /// <param name="pooling"><c>mode</c>.</param>
    /// <param name="options">The other arguments; null for PyTorch's defaults.</param>
    /// <param name="leaveOpen">True to leave the table to the caller, also when the constructor throws.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="ArgumentException">Options contradict each other.</exception>
    public EmbeddingBag(EmbeddingTable weight, Pooling pooling = Pooling.Mean, EmbeddingOptions? options = null, bool leaveOpen = false)
    {
        _embedding = new Embedding(weight, options, leaveOpen);
        Pooling = pooling;
        try
        {
            CheckPooling(pooling);
        }
        catch (ArgumentException)
        {
            _embedding.Dispose();
            throw;
        }
    }

    /// <summary>How a bag's rows become one; <c>mode</c> in PyTorch.</summary>
    public Pooling Pooling { get; }

    /// <summary>The table; <c>weight</c> in PyTorch.</summary>
    public EmbeddingTable Weight => _embedding.Weight;

    /// <summary>The number of rows; <c>num_embeddings</c> in PyTorch.</summary>
    public long NumEmbeddings => _embedding.NumEmbeddings;

    /// <summary>The number of columns; <c>embedding_dim</c> in PyTorch.</summary>
    public int EmbeddingDim => _embedding.EmbeddingDim;

    /// <summary>The padding row, 0 to <c>NumEmbeddings - 1</c>, or null; <c>padding_idx</c> in PyTorch.</summary>
    public long? PaddingIndex => _embedding.PaddingIndex;

    /// <summary>How many indices that were no rows have been dropped, over all calls of Forward.</summary>
    public long UnknownIndexCount => _embedding.UnknownIndexCount;

    /// <summary>Creates an embedding bag over trained weights: PyTorch's <c>from_pretrained</c>.</summary>
    /// <remarks>With other arguments than <c>freeze</c>, it is the constructor, which freezes nothing by itself: see <see cref="EmbeddingOptions.Frozen"/>.</remarks>
    /// <param name="weight"><c>[numEmbeddings, embeddingDim]</c>; neither copied nor changed, and disposed with the embedding bag unless <paramref name="leaveOpen"/>.</param>
    /// <param name="pooling"><c>mode</c>.</param>
    /// <param name="freeze"><c>freeze</c>: true for weights that are only looked up.</param>
    /// <param name="leaveOpen">True to leave the table to the caller.</param>
    /// <returns>The embedding bag.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="pooling"/> is not defined.</exception>
    public static EmbeddingBag FromPretrained(EmbeddingTable weight, Pooling pooling = Pooling.Mean, bool freeze = true, bool leaveOpen = false) =>
        new(weight, pooling, new EmbeddingOptions { Frozen = freeze }, leaveOpen);

    /// <summary>Draws all weights anew from N(0, 1) and zeroes the padding row: PyTorch's <c>reset_parameters</c>.</summary>
    /// <param name="seed">Equal seeds give equal weights.</param>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void ResetParameters(ulong seed) => _embedding.ResetParameters(seed);

    /// <summary>
    /// Pools bags: <c>output[b, j]</c> is the <see cref="Pooling"/> of <c>weight[i, j]</c> over the indices <c>i</c> of bag
    /// <c>b</c>, added in order from +0.0, each multiplied by its weight first; zeros for an empty bag.
    /// </summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bags">The bags, with weights or without; max pooling takes none.</param>
    /// <param name="output"><c>[bags.Count, embeddingDim]</c>, row-major; shares no memory with the inputs.</param>
    /// <param name="winners">
    /// For max pooling, <c>[bags.Count, embeddingDim]</c> or empty: the row whose value each output is, -1 for an empty bag. Backward
    /// asks for them.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row; the message has its position and value.</exception>
    /// <exception cref="ArgumentException">The bags are not in order, a length does not fit, or spans overlap.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void Forward<TIndex>(Bags<TIndex> bags, Span<float> output, Span<long> winners = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ref readonly RowView table = ref Weight.OpenRead();
        CheckWeights(bags.HasWeights);
        Check.Length(nameof(output), output.Length, (long)bags.Count * table.Dim, "bags.Count * embeddingDim");
        if (!winners.IsEmpty) CheckWinners(winners.Length, bags.Count);
        bags.CheckOverlap((ReadOnlySpan<float>)output, nameof(output));
        bags.CheckOverlap((ReadOnlySpan<long>)winners, nameof(winners));
        Check.NoOverlap((ReadOnlySpan<float>)output, nameof(output), table);
        Check.NoOverlap((ReadOnlySpan<long>)winners, nameof(winners), table);
        Check.NoOverlap((ReadOnlySpan<float>)output, nameof(output), (ReadOnlySpan<long>)winners, nameof(winners));
        fixed (float* destination = output)
        fixed (long* won = winners)
        {
            PoolBags(bags, destination, winners.IsEmpty ? null : won);
        }

        GC.KeepAlive(this);
    }

    /// <summary>
    /// The gradient of the table, and of the weights where they are asked for. A row receives, in batch order, for each time a bag
    /// holds it the bag's output gradient times <c>w</c> (sum), <c>w / sum(w)</c> (mean) or <c>w / sqrt(sum(w^2))</c> (sqrt-n), with
    /// 1 for each weight where there are none; in max pooling the columns it won.
    /// </summary>
    /// <remarks>A renormalisation in Forward is not differentiated, as in PyTorch. Max with frequency scaling, and sparse max, are ours.</remarks>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bags">What Forward was called with.</param>
    /// <param name="outputGradient"><c>[bags.Count, embeddingDim]</c>, row-major.</param>
    /// <param name="destination">A gradient of this table, sparse or dense.</param>
    /// <param name="winners">For max pooling, what Forward wrote.</param>
    /// <param name="weightsGradient">
    /// <c>[n]</c> to receive the gradient of the per-sample weights, or empty; <c>per_sample_weights.grad</c>. It is overwritten, from the
    /// table as it is now; 0 for padding and unknown indices. The sum's is <c>outputGradient[b] . weight[i]</c>, over 16 fixed lanes.
    /// </param>
    /// <param name="accumulate">False to overwrite <paramref name="destination"/>; true to add to it.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index or winner is not a row.</exception>
    /// <exception cref="ArgumentException">The bags are not in order, a length does not fit, spans overlap, or the gradient is another table's.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the gradient; it is unchanged.</exception>
    /// <exception cref="ObjectDisposedException">The table or the gradient was disposed.</exception>
    public void Backward<TIndex>(
        Bags<TIndex> bags,
        ReadOnlySpan<float> outputGradient,
        EmbeddingGradient destination,
        ReadOnlySpan<long> winners = default,
        Span<float> weightsGradient = default,
        bool accumulate = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        CheckBackward(destination);
        CheckBatch(bags, outputGradient, winners);
        if (!weightsGradient.IsEmpty)
        {
            bags.CheckWeightsGradient(weightsGradient, outputGradient);
            Check.NoOverlap((ReadOnlySpan<float>)weightsGradient, nameof(weightsGradient), Weight.OpenRead());
        }

        fixed (float* source = outputGradient)
        fixed (long* won = winners)
        fixed (float* weights = weightsGradient)
        {
            ScatterBags(bags, source, won, weightsGradient.IsEmpty ? null : weights, new GradientDestination(destination, accumulate));
        }

        GC.KeepAlive(this);
    }

    /// <summary>Creates a gradient for this table: sparse or dense, as <see cref="EmbeddingOptions.Sparse"/> says.</summary>
    /// <returns>A gradient that the caller disposes.</returns>
    /// <exception cref="InsufficientMemoryException">There is no memory for a dense gradient.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public EmbeddingGradient CreateGradient() => _embedding.CreateGradient();

    /// <summary>What PyTorch's repr says: <c>EmbeddingBag(10, 3, max_norm=2.0, mode=sum, padding_idx=9)</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        EmbeddingOptions options = _embedding.Options;
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"EmbeddingBag({NumEmbeddings}, {EmbeddingDim}");
        if (options.MaxNorm is { } maxNorm) text.Append(", max_norm=").Append(Embedding.Python(maxNorm));
        if (options.NormType != 2) text.Append(", norm_type=").Append(Embedding.Python(options.NormType));
        if (options.ScaleGradByFrequency) text.Append(", scale_grad_by_freq=True");
        text.Append(", mode=").Append(Pooling.ToString().ToLowerInvariant());
        if (PaddingIndex is { } padding) text.Append(CultureInfo.InvariantCulture, $", padding_idx={padding}");
        return text.Append(')').ToString();
    }

    /// <summary>Disposes the table, unless the embedding bag was told to leave it open.</summary>
    public void Dispose() => _embedding.Dispose();

    /// <summary>Refuses weights where there is no meaning for them.</summary>
    internal void CheckWeights(bool given)
    {
        if (given && Pooling == Pooling.Max) Throw.Argument("bags", "max pooling takes no weights, as in PyTorch.");
    }

    /// <summary>Refuses what Backward refuses before it looks at the batch.</summary>
    internal void CheckBackward(EmbeddingGradient destination) => _embedding.CheckBackward(destination);

    /// <summary>Refuses a batch whose lengths do not fit.</summary>
    internal void CheckBatch<TIndex>(in Bags<TIndex> bags, ReadOnlySpan<float> outputGradient, ReadOnlySpan<long> winners)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        CheckWeights(bags.HasWeights);
        Check.Length(nameof(outputGradient), outputGradient.Length, (long)bags.Count * EmbeddingDim, "bags.Count * embeddingDim");
        if (Pooling == Pooling.Max || !winners.IsEmpty) CheckWinners(winners.Length, bags.Count);
    }

    /// <summary>The embedding that holds the options and the table.</summary>
    internal Embedding Rows => _embedding;

    private void CheckWinners(int length, int bags)
    {
        if (Pooling != Pooling.Max) Throw.Argument("winners", $"{Pooling} pooling has no winners; only max has.");
        Check.Length("winners", length, (long)bags * EmbeddingDim, "bags.Count * embeddingDim");
    }

    private static void CheckPooling(Pooling pooling)
    {
        if (!Enum.IsDefined(pooling)) Throw.OutOfRange(nameof(pooling), pooling, "a defined Pooling");
    }
}
