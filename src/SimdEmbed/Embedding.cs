using System.Numerics;
using System.Numerics.Tensors;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>
/// A lookup table of embedding vectors: PyTorch's <c>nn.Embedding</c> on spans, with no allocation per call.
/// </summary>
/// <remarks>
/// Any threads may call Forward at once. Backward into one gradient and anything that writes the table are for one thread at a
/// time. When a call throws, nothing has been written.
/// </remarks>
public sealed unsafe class Embedding : IDisposable
{
    private readonly EmbeddingOptions _options;
    private readonly bool _leaveOpen;

    /// <summary>Creates an embedding whose weights are drawn from N(0, 1), as PyTorch's are.</summary>
    /// <param name="numEmbeddings"><c>num_embeddings</c>: the number of rows, 0 or more.</param>
    /// <param name="embeddingDim"><c>embedding_dim</c>: the number of columns, 1 or more.</param>
    /// <param name="seed">Equal seeds give equal weights, on any machine.</param>
    /// <param name="options">The other arguments; null for PyTorch's defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range.</exception>
    /// <exception cref="InsufficientMemoryException">The table needs more memory than there is.</exception>
    public Embedding(long numEmbeddings, int embeddingDim, ulong seed, EmbeddingOptions? options = null)
    {
        // Checked here as well as by the table, so that the message has this constructor's argument names.
        if (numEmbeddings < 0) Throw.OutOfRange(nameof(numEmbeddings), numEmbeddings, "0 or more");
        if (embeddingDim < 1) Throw.OutOfRange(nameof(embeddingDim), embeddingDim, "1 or more");
        _options = options ?? EmbeddingOptions.Default;
        Weight = EmbeddingTable.Create(numEmbeddings, embeddingDim, Initializer.Normal(seed));
    }

    /// <summary>Creates an embedding over a table, which it disposes unless <paramref name="leaveOpen"/>.</summary>
    /// <param name="weight"><c>[numEmbeddings, embeddingDim]</c>; not copied.</param>
    /// <param name="options">The other arguments; null for PyTorch's defaults.</param>
    /// <param name="leaveOpen">True to leave the table to the caller.</param>
    public Embedding(EmbeddingTable weight, EmbeddingOptions? options = null, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Weight = weight;
        _options = options ?? EmbeddingOptions.Default;
        _leaveOpen = leaveOpen;
    }

    /// <summary>The table; <c>weight</c> in PyTorch.</summary>
    public EmbeddingTable Weight { get; }

    /// <summary>The number of rows; <c>num_embeddings</c> in PyTorch.</summary>
    public long NumEmbeddings => Weight.RowCount;

    /// <summary>The number of columns; <c>embedding_dim</c> in PyTorch.</summary>
    public int EmbeddingDim => Weight.Dim;

    /// <summary>Creates an embedding over trained weights: PyTorch's <c>from_pretrained</c>.</summary>
    /// <param name="weight"><c>[numEmbeddings, embeddingDim]</c>; not copied.</param>
    /// <param name="freeze"><c>freeze</c>: true for weights that are only looked up.</param>
    /// <param name="leaveOpen">True to leave the table to the caller.</param>
    /// <returns>The embedding.</returns>
    public static Embedding FromPretrained(EmbeddingTable weight, bool freeze = true, bool leaveOpen = false) =>
        new(weight, new EmbeddingOptions { Frozen = freeze }, leaveOpen);

    /// <summary>Looks rows up: <c>output[i, j] = weight[indices[i], j]</c>, bit for bit.</summary>
    /// <typeparam name="TIndex">int or long.</typeparam>
    /// <param name="indices"><c>[n]</c>: any shape, flattened.</param>
    /// <param name="output"><c>[n, embeddingDim]</c>, row-major; shares no memory with the inputs.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row; the message has its position and value.</exception>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void Forward<TIndex>(ReadOnlySpan<TIndex> indices, Span<float> output)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.IndexType<TIndex>();
        RowView table = Weight.OpenRead();
        Check.Length(nameof(output), output.Length, (long)indices.Length * table.Dim, "indices.Length * embeddingDim");
        fixed (TIndex* first = indices)
        fixed (float* destination = output)
        {
            Check.NoOverlap(indices, nameof(indices), (ReadOnlySpan<float>)output, nameof(output));
            Check.NoOverlap((ReadOnlySpan<float>)output, nameof(output), table);
            Check.Indices(first, indices.Length, table.Count);
            BagPlan<TIndex> plan = new() { Indices = first, Count = indices.Length };
            Pool<TIndex, Copy<Float32>>.Run(table, plan, destination);
        }

        GC.KeepAlive(this);
    }

    /// <summary>Looks rows up: <c>output[..., j] = weight[indices[...], j]</c>, for indices of any shape.</summary>
    /// <typeparam name="TIndex">int or long.</typeparam>
    /// <param name="indices">Any shape; dense.</param>
    /// <param name="output">The shape of <paramref name="indices"/> with one more axis of <c>embeddingDim</c>; dense.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, a tensor is strided, or memory overlaps.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void Forward<TIndex>(in ReadOnlyTensorSpan<TIndex> indices, in TensorSpan<float> output)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.LookupShape(nameof(output), output.Lengths, indices.Lengths, EmbeddingDim);
        Forward(Check.Dense(indices, nameof(indices)), Check.Dense(output, nameof(output)));
    }

    /// <summary>
    /// The gradient of the table: <c>destination[r, j] = 0.0 + sum of outputGradient[i, j] over the i with indices[i] = r</c>,
    /// added in batch order.
    /// </summary>
    /// <typeparam name="TIndex">int or long.</typeparam>
    /// <param name="indices"><c>[n]</c>: what Forward was called with.</param>
    /// <param name="outputGradient"><c>[n, embeddingDim]</c>, row-major.</param>
    /// <param name="destination">A gradient of this embedding's table, sparse or dense.</param>
    /// <param name="accumulate">
    /// False to overwrite <paramref name="destination"/>; true to add the batch's sums to it, as PyTorch's <c>backward</c> does.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A length does not fit, or the gradient is another table's.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the gradient; it is unchanged.</exception>
    /// <exception cref="ObjectDisposedException">The table or the gradient was disposed.</exception>
    public void Backward<TIndex>(
        ReadOnlySpan<TIndex> indices, ReadOnlySpan<float> outputGradient, EmbeddingGradient destination, bool accumulate = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.IndexType<TIndex>();
        ArgumentNullException.ThrowIfNull(destination);
        RowView table = Weight.OpenRead();
        if (_options.Frozen)
        {
            Throw.InvalidOperation("the embedding is frozen: create it with FromPretrained(weight, freeze: false) to train it.");
        }

        if (destination.Table != Weight) Throw.Argument(nameof(destination), "the gradient belongs to another table.");
        Check.Length(nameof(outputGradient), outputGradient.Length, (long)indices.Length * table.Dim, "indices.Length * embeddingDim");
        fixed (TIndex* first = indices)
        fixed (float* source = outputGradient)
        {
            Check.Indices(first, indices.Length, table.Count);
            destination.Reserve(indices.Length, accumulate);
            Workspace workspace = Workspace.Rent(
                RowGroups.Bytes(indices.Length) + destination.WriteBytes(indices.Length, accumulate));
            try
            {
                RowGroups groups = RowGroups.Build(first, indices.Length, table.Count, ref workspace);
                destination.Write(groups, RowView.Dense(source, indices.Length, table.Dim), accumulate, ref workspace);
            }
            finally
            {
                workspace.Dispose();
            }
        }

        GC.KeepAlive(this);
        GC.KeepAlive(destination);
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

    /// <summary>What PyTorch's repr says: <c>Embedding(100, 6)</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => string.Create(
        System.Globalization.CultureInfo.InvariantCulture, $"Embedding({NumEmbeddings}, {EmbeddingDim}{(_options.Sparse ? ", sparse=True" : "")})");
}
