using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>
/// Losses with their gradients. Every sum has a fixed order and every function is a polynomial of our own, so that the bits do
/// not depend on the machine.
/// </summary>
public static unsafe partial class Loss
{
    /// <summary>
    /// The squared error, PyTorch's <c>nn.MSELoss</c>: the mean or sum of <c>(prediction[i] - target[i])^2</c>, with
    /// <c>gradient[i] = (prediction[i] - target[i]) * (2 / n)</c> for the mean and <c>* 2</c> for the sum. The gradient with
    /// respect to the target is the same with the other sign.
    /// </summary>
    /// <param name="prediction"><c>[n]</c>: any shape, flattened; <c>input</c> in PyTorch.</param>
    /// <param name="target"><c>[n]</c>.</param>
    /// <param name="gradient"><c>[n]</c>: receives the gradient with respect to <paramref name="prediction"/>; empty to leave it out. Shares no memory with the inputs.</param>
    /// <param name="reduction">Mean or sum.</param>
    /// <returns>The loss; NaN for the mean of nothing, as in PyTorch.</returns>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public static float MeanSquaredError(
        ReadOnlySpan<float> prediction, ReadOnlySpan<float> target, Span<float> gradient = default, Reduction reduction = Reduction.Mean)
    {
        int n = prediction.Length;
        CheckReduction(reduction);
        Check.Length(nameof(target), target.Length, n, "prediction.Length");
        CheckGradient(prediction, nameof(prediction), target, gradient);
        float divisor = reduction == Reduction.Mean ? n : 1;
        fixed (float* x = prediction)
        fixed (float* y = target)
        fixed (float* g = gradient)
        {
            if (g != null) Elementwise.ScaledDifference(x, y, 2 / divisor, g, n);
            return LaneReduce<SquaredDifferenceOp>.Run(x, y, n, default) / divisor;
        }
    }

    /// <summary>
    /// The squared errors one by one, PyTorch's <c>reduction='none'</c>: <c>losses[i] = (prediction[i] - target[i])^2</c>, with
    /// <c>gradient[i] = (prediction[i] - target[i]) * 2 * lossesGradient[i]</c>.
    /// </summary>
    /// <param name="prediction"><c>[n]</c>.</param>
    /// <param name="target"><c>[n]</c>.</param>
    /// <param name="losses"><c>[n]</c>; shares no memory with the inputs.</param>
    /// <param name="lossesGradient"><c>[n]</c>: <c>grad_output</c>; needed with <paramref name="gradient"/>.</param>
    /// <param name="gradient"><c>[n]</c>, or empty to leave it out; shares no memory with another span.</param>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public static void SquaredErrors(
        ReadOnlySpan<float> prediction, ReadOnlySpan<float> target, Span<float> losses, ReadOnlySpan<float> lossesGradient = default, Span<float> gradient = default)
    {
        int n = prediction.Length;
        Check.Length(nameof(target), target.Length, n, "prediction.Length");
        CheckLosses(prediction, nameof(prediction), target, n, losses, lossesGradient, gradient);
        for (int i = 0; i < n; i++)
        {
            float difference = prediction[i] - target[i];
            losses[i] = difference * difference;
            if (!gradient.IsEmpty) gradient[i] = difference * 2 * lossesGradient[i];
        }
    }

    private static void CheckReduction(Reduction reduction)
    {
        if (reduction is not (Reduction.Mean or Reduction.Sum)) Throw.OutOfRange(nameof(reduction), reduction, "Mean or Sum");
    }

    private static void CheckGradient<T>(ReadOnlySpan<float> input, string inputName, ReadOnlySpan<T> target, ReadOnlySpan<float> gradient)
        where T : unmanaged
    {
        if (gradient.IsEmpty) return;
        Check.Length(nameof(gradient), gradient.Length, input.Length, "as many as there are inputs");
        Check.NoOverlap(input, inputName, gradient, nameof(gradient));
        Check.NoOverlap(target, nameof(target), gradient, nameof(gradient));
    }

    private static void CheckLosses<T>(
        ReadOnlySpan<float> input, string inputName, ReadOnlySpan<T> target, int count, ReadOnlySpan<float> losses, ReadOnlySpan<float> lossesGradient, ReadOnlySpan<float> gradient)
        where T : unmanaged
    {
        Check.Length(nameof(losses), losses.Length, count, "one per loss");
        Check.NoOverlap(input, inputName, losses, nameof(losses));
        Check.NoOverlap(target, nameof(target), losses, nameof(losses));
        if (gradient.IsEmpty) return;
        CheckGradient(input, inputName, target, gradient);
        Check.Length(nameof(lossesGradient), lossesGradient.Length, count, "one per loss");
        Check.NoOverlap(losses, nameof(losses), gradient, nameof(gradient));
        Check.NoOverlap(losses, nameof(losses), lossesGradient, nameof(lossesGradient));
        Check.NoOverlap(lossesGradient, nameof(lossesGradient), gradient, nameof(gradient));
    }
}
