using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>Losses with their gradients. Sums run over 16 fixed lanes, so that the bits do not depend on the machine.</summary>
public static unsafe class Loss
{
    /// <summary>
    /// The mean squared error, PyTorch's <c>nn.MSELoss()</c>: <c>mean of (prediction[i] - target[i])^2</c>, with
    /// <c>gradient[i] = (prediction[i] - target[i]) * (2 / n)</c>.
    /// </summary>
    /// <param name="prediction"><c>[n]</c>: <c>input</c> in PyTorch.</param>
    /// <param name="target"><c>[n]</c>.</param>
    /// <param name="gradient"><c>[n]</c>: receives the gradient with respect to <paramref name="prediction"/>; empty to leave it out. Shares no memory with the inputs.</param>
    /// <returns>The loss; NaN when <c>n</c> is 0, as in PyTorch.</returns>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public static float MeanSquaredError(ReadOnlySpan<float> prediction, ReadOnlySpan<float> target, Span<float> gradient = default)
    {
        int n = prediction.Length;
        Check.Length(nameof(target), target.Length, n, "prediction.Length");
        if (!gradient.IsEmpty)
        {
            Check.Length(nameof(gradient), gradient.Length, n, "prediction.Length");
            Check.NoOverlap(prediction, nameof(prediction), (ReadOnlySpan<float>)gradient, nameof(gradient));
            Check.NoOverlap(target, nameof(target), (ReadOnlySpan<float>)gradient, nameof(gradient));
        }

        fixed (float* x = prediction)
        fixed (float* y = target)
        fixed (float* g = gradient)
        {
            if (g != null) Elementwise.ScaledDifference(x, y, 2f / n, g, n);
            return LaneSum.SquaredDifferences(x, y, n) / n;
        }
    }
}
