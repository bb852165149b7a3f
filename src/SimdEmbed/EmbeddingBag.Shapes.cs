using System.Numerics;
using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>The same calls for spans that know their shape: they check it, and call the plain ones.</summary>
public sealed unsafe partial class EmbeddingBag
{
    /// <summary>Pools bags, as the form with spans does.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bags">The bags, with weights or without.</param>
    /// <param name="output"><c>[bags.Count, embeddingDim]</c>; dense.</param>
    /// <param name="winners">For max pooling, <c>bags.Count * embeddingDim</c> rows, row-major, or empty.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, a tensor is strided, the bags are not in order, or memory overlaps.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void Forward<TIndex>(Bags<TIndex> bags, in TensorSpan<float> output, Span<long> winners = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.Shape(nameof(output), output.Lengths, [bags.Count, EmbeddingDim]);
        Forward(bags, Check.Dense(output, nameof(output)), winners);
    }

    /// <summary>Pools bags, as the form with spans does.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bags">The bags, with weights or without.</param>
    /// <param name="output"><c>[bags.Count, embeddingDim]</c>, without gaps between its rows.</param>
    /// <param name="winners">For max pooling, <c>bags.Count * embeddingDim</c> rows, row-major, or empty.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, rows have gaps, the bags are not in order, or memory overlaps.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void Forward<TIndex>(Bags<TIndex> bags, Span2D<float> output, Span<long> winners = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.Shape(nameof(output), [output.Height, output.Width], [bags.Count, EmbeddingDim]);
        Forward(bags, Check.Dense(output, nameof(output)), winners);
    }

    /// <summary>The gradients of the table and of the weights, as the form with spans has them.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bags">What Forward was called with.</param>
    /// <param name="outputGradient"><c>[bags.Count, embeddingDim]</c>; dense.</param>
    /// <param name="destination">A gradient of this table, sparse or dense.</param>
    /// <param name="winners">For max pooling, what Forward wrote.</param>
    /// <param name="weightsGradient"><c>[n]</c> to receive the gradient of the weights, or empty.</param>
    /// <param name="accumulate">False to overwrite <paramref name="destination"/>; true to add to it.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index or winner is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, a tensor is strided, the bags are not in order, or the gradient is another table's.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="ObjectDisposedException">The table or the gradient was disposed.</exception>
    public void Backward<TIndex>(
        Bags<TIndex> bags,
        in ReadOnlyTensorSpan<float> outputGradient,
        EmbeddingGradient destination,
        ReadOnlySpan<long> winners = default,
        Span<float> weightsGradient = default,
        bool accumulate = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.Shape(nameof(outputGradient), outputGradient.Lengths, [bags.Count, EmbeddingDim]);
        Backward(bags, Check.Dense(outputGradient, nameof(outputGradient)), destination, winners, weightsGradient, accumulate);
    }

    /// <summary>The gradients of the table and of the weights, as the form with spans has them.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bags">What Forward was called with.</param>
    /// <param name="outputGradient"><c>[bags.Count, embeddingDim]</c>, without gaps between its rows.</param>
    /// <param name="destination">A gradient of this table, sparse or dense.</param>
    /// <param name="winners">For max pooling, what Forward wrote.</param>
    /// <param name="weightsGradient"><c>[n]</c> to receive the gradient of the weights, or empty.</param>
    /// <param name="accumulate">False to overwrite <paramref name="destination"/>; true to add to it.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index or winner is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, rows have gaps, the bags are not in order, or the gradient is another table's.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="ObjectDisposedException">The table or the gradient was disposed.</exception>
    public void Backward<TIndex>(
        Bags<TIndex> bags,
        ReadOnlySpan2D<float> outputGradient,
        EmbeddingGradient destination,
        ReadOnlySpan<long> winners = default,
        Span<float> weightsGradient = default,
        bool accumulate = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.Shape(nameof(outputGradient), [outputGradient.Height, outputGradient.Width], [bags.Count, EmbeddingDim]);
        Backward(bags, Check.Dense(outputGradient, nameof(outputGradient)), destination, winners, weightsGradient, accumulate);
    }
}
