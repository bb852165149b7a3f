using System.Numerics;
using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>The same calls for spans that know their shape: they check it, and call the plain ones.</summary>
public sealed unsafe partial class Embedding
{
    /// <summary>Looks rows up: <c>output[..., j] = weight[indices[...], j]</c>, for indices of any shape.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
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

    /// <summary>Looks rows up: <c>output[i, j] = weight[indices[i], j]</c>.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="indices"><c>[n]</c>.</param>
    /// <param name="output"><c>[n, embeddingDim]</c>, without gaps between its rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, rows have gaps, or memory overlaps.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void Forward<TIndex>(ReadOnlySpan<TIndex> indices, Span2D<float> output)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.Shape(nameof(output), [output.Height, output.Width], [indices.Length, EmbeddingDim]);
        Forward(indices, Check.Dense(output, nameof(output)));
    }

    /// <summary>The gradient of the table, as the form with spans has it, for indices of any shape.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="indices">Any shape; dense.</param>
    /// <param name="outputGradient">The shape of <paramref name="indices"/> with one more axis of <c>embeddingDim</c>; dense.</param>
    /// <param name="destination">A gradient of this embedding's table, sparse or dense.</param>
    /// <param name="accumulate">False to overwrite; true to add.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, a tensor is strided, or the gradient is another table's.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="ObjectDisposedException">The table or the gradient was disposed.</exception>
    public void Backward<TIndex>(
        in ReadOnlyTensorSpan<TIndex> indices, in ReadOnlyTensorSpan<float> outputGradient, EmbeddingGradient destination, bool accumulate = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.LookupShape(nameof(outputGradient), outputGradient.Lengths, indices.Lengths, EmbeddingDim);
        Backward(Check.Dense(indices, nameof(indices)), Check.Dense(outputGradient, nameof(outputGradient)), destination, accumulate);
    }

    /// <summary>The gradient of the table, as the form with spans has it.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="indices"><c>[n]</c>.</param>
    /// <param name="outputGradient"><c>[n, embeddingDim]</c>, without gaps between its rows.</param>
    /// <param name="destination">A gradient of this embedding's table, sparse or dense.</param>
    /// <param name="accumulate">False to overwrite; true to add.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, rows have gaps, or the gradient is another table's.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="ObjectDisposedException">The table or the gradient was disposed.</exception>
    public void Backward<TIndex>(
        ReadOnlySpan<TIndex> indices, ReadOnlySpan2D<float> outputGradient, EmbeddingGradient destination, bool accumulate = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.Shape(nameof(outputGradient), [outputGradient.Height, outputGradient.Width], [indices.Length, EmbeddingDim]);
        Backward(indices, Check.Dense(outputGradient, nameof(outputGradient)), destination, accumulate);
    }
}
