using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>The other arguments of PyTorch's <c>nn.BCEWithLogitsLoss</c>.</summary>
public readonly ref struct BinaryCrossEntropyOptions
{
    /// <summary><c>weight</c>, <c>[n]</c>: a factor of each loss; empty for 1.</summary>
    public ReadOnlySpan<float> Weight { get; init; }

    /// <summary>
    /// <c>pos_weight</c>, <c>[columns]</c>: a factor of the positive part of each loss, repeated along <c>n</c>, which is a
    /// multiple of its length; empty for 1.
    /// </summary>
    public ReadOnlySpan<float> PositiveWeight { get; init; }

    /// <summary><c>reduction</c>: mean or sum.</summary>
    public Reduction Reduction { get; init; }
}

/// <summary>Binary cross entropy.</summary>
public static unsafe partial class Loss
{
    /// <summary>
    /// Binary cross entropy of logits, PyTorch's <c>nn.BCEWithLogitsLoss</c>. With <c>q = 1 + (positiveWeight - 1) * t</c>, the
    /// loss of a logit x and a target t is <c>weight * ((1 - t) x + q (ln(1 + exp(-|x|)) + max(-x, 0)))</c>, and its gradient
    /// <c>weight * ((1 - t) - q / (1 + exp(x)))</c>, divided by n for the mean. Computed in double, summed in order.
    /// </summary>
    /// <param name="logits"><c>[n]</c>: any shape, flattened; <c>input</c> in PyTorch.</param>
    /// <param name="target"><c>[n]</c>: probabilities.</param>
    /// <param name="gradient"><c>[n]</c>: receives the gradient with respect to <paramref name="logits"/>; empty to leave it out. Shares no memory with the inputs.</param>
    /// <param name="options">Weights and reduction.</param>
    /// <returns>The loss; NaN for the mean of nothing.</returns>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public static float BinaryCrossEntropyWithLogits(
        ReadOnlySpan<float> logits, ReadOnlySpan<float> target, Span<float> gradient = default, BinaryCrossEntropyOptions options = default)
    {
        CheckBinary(logits, target, options);
        CheckGradient(logits, nameof(logits), target, gradient);
        CheckWeights(options, gradient, nameof(gradient));
        double divisor = options.Reduction == Reduction.Mean ? logits.Length : 1;
        double sum = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            (double loss, double slope) = BinaryCrossEntropy(logits[i], target[i], i, options);
            sum += loss;
            if (!gradient.IsEmpty) gradient[i] = (float)(slope / divisor);
        }

        return (float)(sum / divisor);
    }

    /// <summary>
    /// The losses of <see cref="BinaryCrossEntropyWithLogits(ReadOnlySpan{float}, ReadOnlySpan{float}, Span{float}, BinaryCrossEntropyOptions)"/>
    /// one by one, PyTorch's <c>reduction='none'</c>; each gradient is multiplied by <c>lossesGradient[i]</c>.
    /// </summary>
    /// <param name="logits"><c>[n]</c>.</param>
    /// <param name="target"><c>[n]</c>.</param>
    /// <param name="losses"><c>[n]</c>; shares no memory with the inputs.</param>
    /// <param name="lossesGradient"><c>[n]</c>: <c>grad_output</c>; needed with <paramref name="gradient"/>.</param>
    /// <param name="gradient"><c>[n]</c>, or empty to leave it out; shares no memory with another span.</param>
    /// <param name="options">Weights; the reduction is not looked at.</param>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public static void BinaryCrossEntropiesWithLogits(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<float> target,
        Span<float> losses,
        ReadOnlySpan<float> lossesGradient = default,
        Span<float> gradient = default,
        BinaryCrossEntropyOptions options = default)
    {
        CheckBinary(logits, target, options);
        CheckLosses(logits, nameof(logits), target, logits.Length, losses, lossesGradient, gradient);
        CheckWeights(options, losses, nameof(losses));
        CheckWeights(options, gradient, nameof(gradient));
        for (int i = 0; i < logits.Length; i++)
        {
            (double loss, double slope) = BinaryCrossEntropy(logits[i], target[i], i, options);
            losses[i] = (float)loss;
            if (!gradient.IsEmpty) gradient[i] = (float)(slope * lossesGradient[i]);
        }
    }

    private static (double Loss, double Slope) BinaryCrossEntropy(double x, double t, int i, in BinaryCrossEntropyOptions options)
    {
        double weight = options.Weight.IsEmpty ? 1 : options.Weight[i];
        double q = options.PositiveWeight.IsEmpty ? 1 : 1 + ((options.PositiveWeight[i % options.PositiveWeight.Length] - 1) * t);

        // exp of a number that is never positive cannot overflow.
        double e = FixedMath.Exp(-Math.Abs(x));
        double loss = ((1 - t) * x) + (q * (FixedMath.Log1P(e) + Math.Max(-x, 0)));
        double negative = x >= 0 ? e / (1 + e) : 1 / (1 + e);
        return (weight * loss, weight * ((1 - t) - (q * negative)));
    }

    private static void CheckBinary(ReadOnlySpan<float> logits, ReadOnlySpan<float> target, in BinaryCrossEntropyOptions options)
    {
        CheckReduction(options.Reduction);
        Check.Length(nameof(target), target.Length, logits.Length, "logits.Length");
        if (!options.Weight.IsEmpty) Check.Length("options.Weight", options.Weight.Length, logits.Length, "logits.Length");
        int columns = options.PositiveWeight.Length;
        if (columns > 0 && logits.Length % columns != 0)
        {
            Throw.Argument(nameof(options), $"options.PositiveWeight has {columns} elements, of which logits.Length = {logits.Length} is no multiple.");
        }
    }

    private static void CheckWeights(in BinaryCrossEntropyOptions options, ReadOnlySpan<float> written, string name)
    {
        Check.NoOverlap(options.Weight, "options.Weight", written, name);
        Check.NoOverlap(options.PositiveWeight, "options.PositiveWeight", written, name);
    }
}
