using System.Numerics;
using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>The same steps for spans that know their shape: they check it, and call the plain ones.</summary>
public abstract unsafe partial class Optimizer
{
    /// <summary>Backward and step in one, as the form with spans, for indices of any shape.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="embedding">An embedding whose table was added.</param>
    /// <param name="indices">Any shape; dense.</param>
    /// <param name="outputGradient">The shape of <paramref name="indices"/> with one more axis of <c>embeddingDim</c>; dense.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, a tensor is strided, the table was not added, or the gradient holds what is refused.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer or the table was disposed.</exception>
    public void Step<TIndex>(Embedding embedding, in ReadOnlyTensorSpan<TIndex> indices, in ReadOnlyTensorSpan<float> outputGradient)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ArgumentNullException.ThrowIfNull(embedding);
        Check.LookupShape(nameof(outputGradient), outputGradient.Lengths, indices.Lengths, embedding.EmbeddingDim);
        Step(embedding, Check.Dense(indices, nameof(indices)), Check.Dense(outputGradient, nameof(outputGradient)));
    }

    /// <summary>Backward and step in one, as the form with spans.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="embedding">An embedding whose table was added.</param>
    /// <param name="indices"><c>[n]</c>.</param>
    /// <param name="outputGradient"><c>[n, embeddingDim]</c>, without gaps between its rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, rows have gaps, the table was not added, or the gradient holds what is refused.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer or the table was disposed.</exception>
    public void Step<TIndex>(Embedding embedding, ReadOnlySpan<TIndex> indices, ReadOnlySpan2D<float> outputGradient)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ArgumentNullException.ThrowIfNull(embedding);
        Check.Shape(nameof(outputGradient), [outputGradient.Height, outputGradient.Width], [indices.Length, embedding.EmbeddingDim]);
        Step(embedding, indices, Check.Dense(outputGradient, nameof(outputGradient)));
    }

    /// <summary>The same for bags.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bag">An embedding bag whose table was added.</param>
    /// <param name="bags">What Forward was called with.</param>
    /// <param name="outputGradient"><c>[bags.Count, embeddingDim]</c>; dense.</param>
    /// <param name="winners">For max pooling, what Forward wrote.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index or winner is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, a tensor is strided, the table was not added, or the gradient holds what is refused.</exception>
    /// <exception cref="InvalidOperationException">The embedding bag is frozen.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer or the table was disposed.</exception>
    public void Step<TIndex>(EmbeddingBag bag, Bags<TIndex> bags, in ReadOnlyTensorSpan<float> outputGradient, ReadOnlySpan<long> winners = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ArgumentNullException.ThrowIfNull(bag);
        Check.Shape(nameof(outputGradient), outputGradient.Lengths, [bags.Count, bag.EmbeddingDim]);
        Step(bag, bags, Check.Dense(outputGradient, nameof(outputGradient)), winners);
    }

    /// <summary>The same for bags.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bag">An embedding bag whose table was added.</param>
    /// <param name="bags">What Forward was called with.</param>
    /// <param name="outputGradient"><c>[bags.Count, embeddingDim]</c>, without gaps between its rows.</param>
    /// <param name="winners">For max pooling, what Forward wrote.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index or winner is not a row.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, rows have gaps, the table was not added, or the gradient holds what is refused.</exception>
    /// <exception cref="InvalidOperationException">The embedding bag is frozen.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer or the table was disposed.</exception>
    public void Step<TIndex>(EmbeddingBag bag, Bags<TIndex> bags, ReadOnlySpan2D<float> outputGradient, ReadOnlySpan<long> winners = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ArgumentNullException.ThrowIfNull(bag);
        Check.Shape(nameof(outputGradient), [outputGradient.Height, outputGradient.Width], [bags.Count, bag.EmbeddingDim]);
        Step(bag, bags, Check.Dense(outputGradient, nameof(outputGradient)), winners);
    }

    /// <summary>Changes an array that is no table, as the form with spans.</summary>
    /// <param name="parameter">What <see cref="AddParameter"/> returned.</param>
    /// <param name="weights"><c>[rows, columns]</c>; dense; changed.</param>
    /// <param name="gradient"><c>[rows, columns]</c>; dense; shares no memory with the weights.</param>
    /// <exception cref="ArgumentException">A shape does not fit, a tensor is strided, spans overlap, or the parameter is another optimizer's.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer was disposed.</exception>
    public void Step(DenseParameter parameter, in TensorSpan<float> weights, in ReadOnlyTensorSpan<float> gradient)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        Check.Shape(nameof(weights), weights.Lengths, [parameter.Rows, parameter.Columns]);
        Check.Shape(nameof(gradient), gradient.Lengths, [parameter.Rows, parameter.Columns]);
        Step(parameter, Check.Dense(weights, nameof(weights)), Check.Dense(gradient, nameof(gradient)));
    }

    /// <summary>Changes an array that is no table, as the form with spans.</summary>
    /// <param name="parameter">What <see cref="AddParameter"/> returned.</param>
    /// <param name="weights"><c>[rows, columns]</c>, without gaps between its rows; changed.</param>
    /// <param name="gradient"><c>[rows, columns]</c>, without gaps; shares no memory with the weights.</param>
    /// <exception cref="ArgumentException">A shape does not fit, rows have gaps, spans overlap, or the parameter is another optimizer's.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer was disposed.</exception>
    public void Step(DenseParameter parameter, Span2D<float> weights, ReadOnlySpan2D<float> gradient)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        Check.Shape(nameof(weights), [weights.Height, weights.Width], [parameter.Rows, parameter.Columns]);
        Check.Shape(nameof(gradient), [gradient.Height, gradient.Width], [parameter.Rows, parameter.Columns]);
        Step(parameter, Check.Dense(weights, nameof(weights)), Check.Dense(gradient, nameof(gradient)));
    }
}
