using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>
/// The product of two matrices and its gradients: PyTorch's <c>einsum("ik,kj->ij", left, right)</c>. Each element is a sum from
/// +0.0 in ascending order of the summed index.
/// </summary>
/// <remarks>Made for what stands behind an embedding in a small model: a few columns. It is no general matrix library.</remarks>
public static unsafe partial class MatrixMultiplication
{
    /// <summary><c>product[i, j] = sum over k of left[i, k] * right[k, j]</c>.</summary>
    /// <param name="left"><c>[n, inner]</c>, row-major.</param>
    /// <param name="right"><c>[inner, m]</c>, row-major.</param>
    /// <param name="inner">The summed size: 1 or more.</param>
    /// <param name="product"><c>[n, m]</c>, row-major; shares no memory with the inputs.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="inner"/> is below 1.</exception>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public static void Forward(ReadOnlySpan<float> left, ReadOnlySpan<float> right, int inner, Span<float> product)
    {
        (int n, int m) = Sizes(left.Length, right.Length, inner);
        Check.Length(nameof(product), product.Length, (long)n * m, "n * m");
        Check.NoOverlap(left, nameof(left), (ReadOnlySpan<float>)product, nameof(product));
        Check.NoOverlap(right, nameof(right), (ReadOnlySpan<float>)product, nameof(product));
        fixed (float* a = left)
        fixed (float* b = right)
        fixed (float* c = product)
        {
            MatrixProduct.Multiply(a, inner, 1, b, c, n, inner, m);
        }
    }

    /// <summary>
    /// The gradients of both sides: <c>leftGradient[i, k] = sum over j of productGradient[i, j] * right[k, j]</c> and
    /// <c>rightGradient[k, j] = sum over i of left[i, k] * productGradient[i, j]</c>.
    /// </summary>
    /// <param name="left"><c>[n, inner]</c>, row-major.</param>
    /// <param name="right"><c>[inner, m]</c>, row-major.</param>
    /// <param name="inner">The summed size: 1 or more.</param>
    /// <param name="productGradient"><c>[n, m]</c>, row-major.</param>
    /// <param name="leftGradient"><c>[n, inner]</c>, or empty to leave it out; shares no memory with another span.</param>
    /// <param name="rightGradient"><c>[inner, m]</c>, or empty to leave it out; shares no memory with another span.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="inner"/> is below 1.</exception>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public static void Backward(
        ReadOnlySpan<float> left, ReadOnlySpan<float> right, int inner, ReadOnlySpan<float> productGradient, Span<float> leftGradient, Span<float> rightGradient = default)
    {
        (int n, int m) = Sizes(left.Length, right.Length, inner);
        Check.Length(nameof(productGradient), productGradient.Length, (long)n * m, "n * m");
        CheckGradient(left, right, productGradient, leftGradient, nameof(leftGradient), left.Length);
        CheckGradient(left, right, productGradient, rightGradient, nameof(rightGradient), right.Length);
        Check.NoOverlap((ReadOnlySpan<float>)leftGradient, nameof(leftGradient), (ReadOnlySpan<float>)rightGradient, nameof(rightGradient));
        fixed (float* a = left)
        fixed (float* b = right)
        fixed (float* g = productGradient)
        fixed (float* ga = leftGradient)
        fixed (float* gb = rightGradient)
        {
            if (ga != null) MatrixProduct.MultiplyTransposed(g, b, ga, n, inner, m);
            if (gb != null) MatrixProduct.Multiply(a, 1, inner, g, gb, inner, n, m);
        }
    }

    private static (int Rows, int Columns) Sizes(int left, int right, int inner)
    {
        if (inner < 1) Throw.OutOfRange(nameof(inner), inner, "1 or more");
        if (left % inner != 0) Throw.Argument(nameof(left), $"left has {left} elements, which is no multiple of inner = {inner}.");
        if (right % inner != 0) Throw.Argument(nameof(right), $"right has {right} elements, which is no multiple of inner = {inner}.");
        return (left / inner, right / inner);
    }

    private static void CheckGradient(
        ReadOnlySpan<float> left, ReadOnlySpan<float> right, ReadOnlySpan<float> productGradient, ReadOnlySpan<float> gradient, string name, int length)
    {
        if (gradient.IsEmpty) return;
        Check.Length(name, gradient.Length, length, "the size of its matrix");
        Check.NoOverlap(left, nameof(left), gradient, name);
        Check.NoOverlap(right, nameof(right), gradient, name);
        Check.NoOverlap(productGradient, nameof(productGradient), gradient, name);
    }
}
