using System.Numerics;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>
/// A lookup table of embedding vectors: PyTorch's <c>nn.Embedding</c> on spans, with no allocation per call.
/// </summary>
/// <remarks>
/// Any threads may call Forward at once, unless it renormalises the table (<see cref="EmbeddingOptions.MaxNorm"/> with
/// <see cref="RenormTarget.Table"/>). That Forward, Backward into one gradient, and anything else that writes are for one thread
/// at a time. When a call throws, nothing has been written.
/// </remarks>
public sealed unsafe partial class Embedding : IDisposable
{
    private readonly EmbeddingOptions _options;
    private readonly bool _leaveOpen;

    private readonly long _paddingRow = -1;
    private long _unknownCount;

    /// <summary>Creates an embedding whose weights are drawn from N(0, 1), as PyTorch's are, with a padding row of zeros.</summary>
    /// <param name="numEmbeddings"><c>num_embeddings</c>: the number of rows, 0 or more.</param>
    /// <param name="embeddingDim"><c>embedding_dim</c>: the number of columns, 0 or more.</param>
    /// <param name="seed">Equal seeds give equal weights, on any machine.</param>
    /// <param name="options">The other arguments; null for PyTorch's defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size or option is out of range.</exception>
    /// <exception cref="ArgumentException">Options contradict each other.</exception>
    /// <exception cref="InsufficientMemoryException">The table needs more memory than there is.</exception>
    public Embedding(long numEmbeddings, int embeddingDim, ulong seed, EmbeddingOptions? options = null)
        : this(NewTable(numEmbeddings, embeddingDim, options), options) => ResetParameters(seed);

    /// <summary>Creates an embedding over a table, which it disposes unless <paramref name="leaveOpen"/>.</summary>
    /// <param name="weight"><c>[numEmbeddings, embeddingDim]</c>; neither copied nor changed, the padding row included.</param>
    /// <param name="options">The other arguments; null for PyTorch's defaults.</param>
    /// <param name="leaveOpen">True to leave the table to the caller, also when the constructor throws.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    /// <exception cref="ArgumentException">Options contradict each other.</exception>
    public Embedding(EmbeddingTable weight, EmbeddingOptions? options = null, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Weight = weight;
        _leaveOpen = leaveOpen;
        _options = options ?? EmbeddingOptions.Default;
        try
        {
            if (_options.PaddingIndex is { } padding) _paddingRow = NormalizePadding(padding, weight.RowCount);
            CheckOptions(_options, weight.Codec);
        }
        catch (ArgumentException)
        {
            if (!leaveOpen) weight.Dispose();
            throw;
        }

        IsPlain = _options.MaxNorm is null && _options.UnknownIndices == UnknownIndexPolicy.Throw && _options.Degree == 1 && weight.Codec == RowCodec.Float32;
    }

    /// <summary>The table; <c>weight</c> in PyTorch.</summary>
    public EmbeddingTable Weight { get; }

    /// <summary>The number of rows; <c>num_embeddings</c> in PyTorch.</summary>
    public long NumEmbeddings => Weight.RowCount;

    /// <summary>The number of columns; <c>embedding_dim</c> in PyTorch.</summary>
    public int EmbeddingDim => Weight.Dim;

    /// <summary>The padding row, 0 to <c>NumEmbeddings - 1</c>, or null; <c>padding_idx</c> in PyTorch.</summary>
    public long? PaddingIndex => _paddingRow < 0 ? null : _paddingRow;

    /// <summary>How many indices that were no rows have been read as zeros or as the padding row, over all calls of Forward.</summary>
    public long UnknownIndexCount => Interlocked.Read(ref _unknownCount);

    /// <summary>Creates an embedding over trained weights: PyTorch's <c>from_pretrained</c>.</summary>
    /// <remarks>With other arguments than <c>freeze</c>, it is the constructor, which freezes nothing by itself: see <see cref="EmbeddingOptions.Frozen"/>.</remarks>
    /// <param name="weight"><c>[numEmbeddings, embeddingDim]</c>; neither copied nor changed, and disposed with the embedding unless <paramref name="leaveOpen"/>.</param>
    /// <param name="freeze"><c>freeze</c>: true for weights that are only looked up.</param>
    /// <param name="leaveOpen">True to leave the table to the caller.</param>
    /// <returns>The embedding.</returns>
    public static Embedding FromPretrained(EmbeddingTable weight, bool freeze = true, bool leaveOpen = false) =>
        new(weight, new EmbeddingOptions { Frozen = freeze }, leaveOpen);

    /// <summary>Draws all weights anew from N(0, 1) and zeroes the padding row: PyTorch's <c>reset_parameters</c>.</summary>
    /// <param name="seed">Equal seeds give equal weights.</param>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void ResetParameters(ulong seed)
    {
        Weight.Initialize(0, NumEmbeddings, Initializer.Normal(seed));
        if (_paddingRow >= 0) Weight.Initialize(_paddingRow, _paddingRow + 1, Initializer.Zeros);
    }

    /// <summary>
    /// Looks rows up: <c>output[i, j] = weight[indices[i], j]</c>, bit for bit; renormalised first where
    /// <see cref="EmbeddingOptions.MaxNorm"/> asks for it.
    /// </summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="indices"><c>[n]</c>: any shape, flattened.</param>
    /// <param name="output"><c>[n, embeddingDim]</c>, row-major; shares no memory with the inputs.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row; the message has its position and value.</exception>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or indices are of another type.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void Forward<TIndex>(ReadOnlySpan<TIndex> indices, Span<float> output)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ref readonly RowView table = ref Weight.OpenRead();
        Check.Length(nameof(output), output.Length, (long)indices.Length * table.Dim, "indices.Length * embeddingDim");
        fixed (TIndex* first = indices)
        fixed (float* destination = output)
        {
            Check.NoOverlap(indices, nameof(indices), (ReadOnlySpan<float>)output, nameof(output));
            Check.NoOverlap((ReadOnlySpan<float>)output, nameof(output), table);
            if (WideIndices.IsWide<TIndex>() && IsPlain)
            {
                Check.Indices(first, indices.Length, table.Count, nameof(indices));
                Gather<TIndex, Float32>.Run(table, first, indices.Length, destination);
            }
            else
            {
                LookUp(indices, destination);
            }
        }

        GC.KeepAlive(this);
    }

    /// <summary>
    /// The gradient of the table: <c>destination[r, j] = 0.0 + sum of outputGradient[i, j] over the i with indices[i] = r</c>,
    /// added in batch order, and divided by how many those are with <see cref="EmbeddingOptions.ScaleGradByFrequency"/>.
    /// </summary>
    /// <remarks>
    /// The padding row and unknown indices receive none. A renormalisation in Forward is not differentiated, as in PyTorch.
    /// </remarks>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="indices"><c>[n]</c>: what Forward was called with.</param>
    /// <param name="outputGradient"><c>[n, embeddingDim]</c>, row-major.</param>
    /// <param name="destination">A gradient of this embedding's table, sparse or dense.</param>
    /// <param name="accumulate">
    /// False to overwrite <paramref name="destination"/>; true to add the batch's sums to it, as PyTorch's <c>backward</c> does.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the gradient is another table's.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the gradient; it is unchanged.</exception>
    /// <exception cref="ObjectDisposedException">The table or the gradient was disposed.</exception>
    public void Backward<TIndex>(
        ReadOnlySpan<TIndex> indices, ReadOnlySpan<float> outputGradient, EmbeddingGradient destination, bool accumulate = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        CheckBackward(destination);
        Check.Length(nameof(outputGradient), outputGradient.Length, (long)indices.Length * EmbeddingDim, "indices.Length * embeddingDim");
        fixed (float* source = outputGradient) Scatter(indices, source, new GradientDestination(destination, accumulate));
        GC.KeepAlive(this);
    }

    /// <summary>Creates a gradient for this table: sparse or dense, as <see cref="EmbeddingOptions.Sparse"/> says.</summary>
    /// <returns>A gradient that the caller disposes.</returns>
    /// <exception cref="InsufficientMemoryException">There is no memory for a dense gradient.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public EmbeddingGradient CreateGradient() => _options.Sparse ? new SparseGradient(Weight) : new DenseGradient(Weight);

    /// <summary>Disposes the table, unless the embedding was told to leave it open.</summary>
    public void Dispose()
    {
        if (!_leaveOpen) Weight.Dispose();
    }

    internal EmbeddingOptions Options => _options;

    /// <summary>The padding row, or -1.</summary>
    internal long PaddingRow => _paddingRow;

    /// <summary>Whether a lookup is the copy alone: then it takes the shortest way.</summary>
    internal bool IsPlain { get; }

    /// <summary>Refuses what Backward refuses before it looks at the batch.</summary>
    internal void CheckBackward(EmbeddingGradient destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        CheckTrainable();
        if (destination.Table != Weight) Throw.Argument(nameof(destination), "the gradient belongs to another table.");
    }

    /// <summary>Refuses to train weights that are disposed or frozen.</summary>
    internal void CheckTrainable()
    {
        Weight.CheckTrainable();
        if (_options.Frozen) Throw.InvalidOperation("the embedding is frozen: create it with FromPretrained(weight, freeze: false) to train it.");
    }

    private static EmbeddingTable NewTable(long numEmbeddings, int embeddingDim, EmbeddingOptions? options)
    {
        // Checked here as well as by the table, so that the message has this constructor's argument names; and the padding
        // before any memory is taken.
        if (numEmbeddings < 0) Throw.OutOfRange(nameof(numEmbeddings), numEmbeddings, "0 or more");
        if (embeddingDim < 0) Throw.OutOfRange(nameof(embeddingDim), embeddingDim, "0 or more");
        if (options?.PaddingIndex is { } padding) NormalizePadding(padding, numEmbeddings);
        return new EmbeddingTable(numEmbeddings, embeddingDim);
    }

    private static long NormalizePadding(long padding, long rows)
    {
        if (padding < -rows || padding >= rows)
        {
            Throw.OutOfRange(nameof(EmbeddingOptions.PaddingIndex), padding, rows == 0 ? "null, as the table has no rows" : $"from -{rows} to {rows - 1}");
        }

        return padding < 0 ? padding + rows : padding;
    }

    private static void CheckOptions(EmbeddingOptions options, RowCodec codec)
    {
        if (codec != RowCodec.Float32 && options is { MaxNorm: not null, RenormTarget: RenormTarget.Table })
        {
            Throw.Argument(nameof(options.RenormTarget), $"a table of {codec} rows is not renormalised in place: choose RenormTarget.Output.");
        }

        if (options.Degree < 1) Throw.OutOfRange(nameof(options.Degree), options.Degree, "1 or more");
        if (!Enum.IsDefined(options.RenormTarget)) Throw.OutOfRange(nameof(options.RenormTarget), options.RenormTarget, "a defined RenormTarget");
        if (!Enum.IsDefined(options.UnknownIndices)) Throw.OutOfRange(nameof(options.UnknownIndices), options.UnknownIndices, "a defined UnknownIndexPolicy");
        if (options.UnknownIndices == UnknownIndexPolicy.PaddingRow && options.PaddingIndex is null)
        {
            Throw.Argument(nameof(options.UnknownIndices), "UnknownIndices = PaddingRow needs a PaddingIndex.");
        }
    }
}
