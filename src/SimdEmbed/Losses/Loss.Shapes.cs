using System.Numerics;
using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>The same losses for spans that know their shape.</summary>
public static unsafe partial class Loss
{
    /// <summary>As the form with spans: the loss and its gradient.</summary>
    /// <param name="prediction">Any shape.</param>
    /// <param name="target">The same shape.</param>
    /// <param name="gradient">The same shape; shares no memory with the inputs.</param>
    /// <param name="reduction">Mean or sum.</param>
    /// <returns>The loss.</returns>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static float MeanSquaredError(in ReadOnlyTensorSpan<float> prediction, in ReadOnlyTensorSpan<float> target, in TensorSpan<float> gradient, Reduction reduction = Reduction.Mean)
    {
        Check.Shape(nameof(target), target.Lengths, prediction.Lengths);
        Check.Shape(nameof(gradient), gradient.Lengths, prediction.Lengths);
        return MeanSquaredError(Check.Dense(prediction, nameof(prediction)), Check.Dense(target, nameof(target)), Check.Dense(gradient, nameof(gradient)), reduction);
    }

    /// <summary>As the form with spans: the loss and its gradient.</summary>
    /// <param name="logits">Any shape.</param>
    /// <param name="target">The same shape.</param>
    /// <param name="gradient">The same shape; shares no memory with the inputs.</param>
    /// <param name="options">Weights and reduction.</param>
    /// <returns>The loss.</returns>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static float BinaryCrossEntropyWithLogits(in ReadOnlyTensorSpan<float> logits, in ReadOnlyTensorSpan<float> target, in TensorSpan<float> gradient, BinaryCrossEntropyOptions options = default)
    {
        Check.Shape(nameof(target), target.Lengths, logits.Lengths);
        Check.Shape(nameof(gradient), gradient.Lengths, logits.Lengths);
        return BinaryCrossEntropyWithLogits(Check.Dense(logits, nameof(logits)), Check.Dense(target, nameof(target)), Check.Dense(gradient, nameof(gradient)), options);
    }

    /// <summary>As the form with spans: the loss and its gradient.</summary>
    /// <typeparam name="TIndex">Any integer type.</typeparam>
    /// <param name="logits"><c>[n, classes]</c>.</param>
    /// <param name="target"><c>[n]</c>.</param>
    /// <param name="gradient"><c>[n, classes]</c>; shares no memory with the inputs.</param>
    /// <param name="options">Weights, smoothing and reduction.</param>
    /// <returns>The loss.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A target is no class, or an option is out of range.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static float CrossEntropy<TIndex>(in ReadOnlyTensorSpan<float> logits, ReadOnlySpan<TIndex> target, in TensorSpan<float> gradient, CrossEntropyOptions options = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        if (logits.Rank != 2) Throw.Argument(nameof(logits), $"logits has rank {logits.Rank}; expected [n, classes].");
        Check.Length(nameof(target), target.Length, logits.Lengths[0], "the rows of logits");
        Check.Shape(nameof(gradient), gradient.Lengths, logits.Lengths);
        return CrossEntropy(Check.Dense(logits, nameof(logits)), (int)logits.Lengths[1], target, Check.Dense(gradient, nameof(gradient)), options);
    }

    /// <summary>As the form with spans: the loss and its gradient.</summary>
    /// <param name="prediction"><c>[n, columns]</c>.</param>
    /// <param name="target">The same shape.</param>
    /// <param name="gradient">The same shape; shares no memory with the inputs.</param>
    /// <param name="reduction">Mean or sum.</param>
    /// <returns>The loss.</returns>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static float MeanSquaredError(ReadOnlySpan2D<float> prediction, ReadOnlySpan2D<float> target, Span2D<float> gradient, Reduction reduction = Reduction.Mean)
    {
        Check.Shape(nameof(target), [target.Height, target.Width], [prediction.Height, prediction.Width]);
        Check.Shape(nameof(gradient), [gradient.Height, gradient.Width], [prediction.Height, prediction.Width]);
        return MeanSquaredError(Check.Dense(prediction, nameof(prediction)), Check.Dense(target, nameof(target)), Check.Dense(gradient, nameof(gradient)), reduction);
    }

    /// <summary>As the form with spans: the loss and its gradient.</summary>
    /// <param name="logits"><c>[n, columns]</c>.</param>
    /// <param name="target">The same shape.</param>
    /// <param name="gradient">The same shape; shares no memory with the inputs.</param>
    /// <param name="options">Weights and reduction.</param>
    /// <returns>The loss.</returns>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static float BinaryCrossEntropyWithLogits(ReadOnlySpan2D<float> logits, ReadOnlySpan2D<float> target, Span2D<float> gradient, BinaryCrossEntropyOptions options = default)
    {
        Check.Shape(nameof(target), [target.Height, target.Width], [logits.Height, logits.Width]);
        Check.Shape(nameof(gradient), [gradient.Height, gradient.Width], [logits.Height, logits.Width]);
        return BinaryCrossEntropyWithLogits(Check.Dense(logits, nameof(logits)), Check.Dense(target, nameof(target)), Check.Dense(gradient, nameof(gradient)), options);
    }

    /// <summary>As the form with spans: the loss and its gradient.</summary>
    /// <typeparam name="TIndex">Any integer type.</typeparam>
    /// <param name="logits"><c>[n, classes]</c>.</param>
    /// <param name="target"><c>[n]</c>.</param>
    /// <param name="gradient"><c>[n, classes]</c>; shares no memory with the inputs.</param>
    /// <param name="options">Weights, smoothing and reduction.</param>
    /// <returns>The loss.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A target is no class, or an option is out of range.</exception>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static float CrossEntropy<TIndex>(ReadOnlySpan2D<float> logits, ReadOnlySpan<TIndex> target, Span2D<float> gradient, CrossEntropyOptions options = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Check.Length(nameof(target), target.Length, logits.Height, "the rows of logits");
        Check.Shape(nameof(gradient), [gradient.Height, gradient.Width], [logits.Height, logits.Width]);
        return CrossEntropy(Check.Dense(logits, nameof(logits)), logits.Width, target, Check.Dense(gradient, nameof(gradient)), options);
    }
}
