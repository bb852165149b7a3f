using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>The same products for spans that know their shape.</summary>
public static unsafe partial class MatrixMultiplication
{
    /// <summary><c>product[i, j] = sum over k of left[i, k] * right[k, j]</c>.</summary>
    /// <param name="left"><c>[n, inner]</c>.</param>
    /// <param name="right"><c>[inner, m]</c>.</param>
    /// <param name="product"><c>[n, m]</c>; shares no memory with the inputs.</param>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static void Forward(in ReadOnlyTensorSpan<float> left, in ReadOnlyTensorSpan<float> right, in TensorSpan<float> product)
    {
        CheckRank(left, nameof(left));
        CheckRank(right, nameof(right));
        Check.Shape(nameof(right), right.Lengths, [left.Lengths[1], right.Lengths[1]]);
        Check.Shape(nameof(product), product.Lengths, [left.Lengths[0], right.Lengths[1]]);
        Forward(Check.Dense(left, nameof(left)), Check.Dense(right, nameof(right)), (int)left.Lengths[1], Check.Dense(product, nameof(product)));
    }

    /// <summary>The gradients of both sides, as the form with spans has them.</summary>
    /// <param name="left"><c>[n, inner]</c>.</param>
    /// <param name="right"><c>[inner, m]</c>.</param>
    /// <param name="productGradient"><c>[n, m]</c>.</param>
    /// <param name="leftGradient"><c>[n, inner]</c>; shares no memory with another span.</param>
    /// <param name="rightGradient"><c>[inner, m]</c>; shares no memory with another span.</param>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static void Backward(in ReadOnlyTensorSpan<float> left, in ReadOnlyTensorSpan<float> right, in ReadOnlyTensorSpan<float> productGradient, in TensorSpan<float> leftGradient, in TensorSpan<float> rightGradient)
    {
        CheckRank(left, nameof(left));
        CheckRank(right, nameof(right));
        Check.Shape(nameof(right), right.Lengths, [left.Lengths[1], right.Lengths[1]]);
        Check.Shape(nameof(productGradient), productGradient.Lengths, [left.Lengths[0], right.Lengths[1]]);
        Check.Shape(nameof(leftGradient), leftGradient.Lengths, left.Lengths);
        Check.Shape(nameof(rightGradient), rightGradient.Lengths, right.Lengths);
        Backward(
            Check.Dense(left, nameof(left)),
            Check.Dense(right, nameof(right)),
            (int)left.Lengths[1],
            Check.Dense(productGradient, nameof(productGradient)),
            Check.Dense(leftGradient, nameof(leftGradient)),
            Check.Dense(rightGradient, nameof(rightGradient)));
    }

    /// <summary><c>product[i, j] = sum over k of left[i, k] * right[k, j]</c>.</summary>
    /// <param name="left"><c>[n, inner]</c>.</param>
    /// <param name="right"><c>[inner, m]</c>.</param>
    /// <param name="product"><c>[n, m]</c>; shares no memory with the inputs.</param>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static void Forward(ReadOnlySpan2D<float> left, ReadOnlySpan2D<float> right, Span2D<float> product)
    {
        Check.Shape(nameof(right), [right.Height, right.Width], [left.Width, right.Width]);
        Check.Shape(nameof(product), [product.Height, product.Width], [left.Height, right.Width]);
        Forward(Check.Dense(left, nameof(left)), Check.Dense(right, nameof(right)), left.Width, Check.Dense(product, nameof(product)));
    }

    /// <summary>The gradients of both sides, as the form with spans has them.</summary>
    /// <param name="left"><c>[n, inner]</c>.</param>
    /// <param name="right"><c>[inner, m]</c>.</param>
    /// <param name="productGradient"><c>[n, m]</c>.</param>
    /// <param name="leftGradient"><c>[n, inner]</c>; shares no memory with another span.</param>
    /// <param name="rightGradient"><c>[inner, m]</c>; shares no memory with another span.</param>
    /// <exception cref="ArgumentException">A shape does not fit, a span has gaps or strides, or spans overlap.</exception>
    public static void Backward(ReadOnlySpan2D<float> left, ReadOnlySpan2D<float> right, ReadOnlySpan2D<float> productGradient, Span2D<float> leftGradient, Span2D<float> rightGradient)
    {
        Check.Shape(nameof(right), [right.Height, right.Width], [left.Width, right.Width]);
        Check.Shape(nameof(productGradient), [productGradient.Height, productGradient.Width], [left.Height, right.Width]);
        Check.Shape(nameof(leftGradient), [leftGradient.Height, leftGradient.Width], [left.Height, left.Width]);
        Check.Shape(nameof(rightGradient), [rightGradient.Height, rightGradient.Width], [right.Height, right.Width]);
        Backward(
            Check.Dense(left, nameof(left)),
            Check.Dense(right, nameof(right)),
            left.Width,
            Check.Dense(productGradient, nameof(productGradient)),
            Check.Dense(leftGradient, nameof(leftGradient)),
            Check.Dense(rightGradient, nameof(rightGradient)));
    }

    private static void CheckRank(in ReadOnlyTensorSpan<float> matrix, string name)
    {
        if (matrix.Rank != 2) Throw.Argument(name, $"{name} has rank {matrix.Rank}; expected a matrix.");
    }
}
