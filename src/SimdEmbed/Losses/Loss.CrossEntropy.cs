using System.Numerics;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>The other arguments of PyTorch's <c>nn.CrossEntropyLoss</c>.</summary>
public readonly ref struct CrossEntropyOptions
{
    /// <summary><c>weight</c>, <c>[classes]</c>: a factor of each class; empty for 1.</summary>
    public ReadOnlySpan<float> ClassWeight { get; init; }

    /// <summary><c>ignore_index</c>: samples with this target have no loss and are not counted; null for PyTorch's -100.</summary>
    public long? IgnoreIndex { get; init; }

    /// <summary><c>label_smoothing</c>, 0 to 1: how much of each target is spread over all classes.</summary>
    public float LabelSmoothing { get; init; }

    /// <summary><c>reduction</c>: mean (over the class weights of the targets) or sum.</summary>
    public Reduction Reduction { get; init; }
}

/// <summary>Softmax cross entropy.</summary>
public static unsafe partial class Loss
{
    /// <summary>
    /// Softmax cross entropy of class numbers, PyTorch's <c>nn.CrossEntropyLoss</c>. With <c>p = softmax(logits[i])</c>, class
    /// weights w and smoothing s, the loss of a sample with target t is
    /// <c>-(1 - s) w[t] ln p[t] - s / classes * sum over c of w[c] ln p[c]</c>; the mean divides by the sum of <c>w[t]</c> over
    /// the samples that are not ignored. Computed in double, summed in order.
    /// </summary>
    /// <typeparam name="TIndex">Any integer type.</typeparam>
    /// <param name="logits"><c>[n, classes]</c>, row-major; <c>input</c> in PyTorch.</param>
    /// <param name="classes">The number of classes: 1 or more.</param>
    /// <param name="target"><c>[n]</c>: 0 to <c>classes - 1</c>, or the ignored index.</param>
    /// <param name="gradient"><c>[n, classes]</c>: receives the gradient with respect to <paramref name="logits"/>; empty to leave it out. Shares no memory with the inputs.</param>
    /// <param name="options">Weights, smoothing and reduction.</param>
    /// <returns>The loss; NaN for the mean of nothing, as in PyTorch.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A target is no class, or an option is out of range.</exception>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public static float CrossEntropy<TIndex>(
        ReadOnlySpan<float> logits, int classes, ReadOnlySpan<TIndex> target, Span<float> gradient = default, CrossEntropyOptions options = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        CheckClasses(logits, classes, target, options);
        CheckGradient(logits, nameof(logits), target, gradient);
        Check.NoOverlap(options.ClassWeight, "options.ClassWeight", (ReadOnlySpan<float>)gradient, nameof(gradient));
        double divisor = 1;
        if (options.Reduction == Reduction.Mean)
        {
            divisor = 0;
            foreach (TIndex t in target) divisor += IsIgnored(t, options) ? 0 : ClassWeight(int.CreateTruncating(t), options);
        }

        double sum = 0;
        for (int i = 0; i < target.Length; i++)
        {
            Span<float> row = gradient.IsEmpty ? default : gradient.Slice(i * classes, classes);
            sum += CrossEntropy(logits.Slice(i * classes, classes), target[i], 1 / divisor, row, options);
        }

        return (float)(sum / divisor);
    }

    /// <summary>
    /// The losses of <see cref="CrossEntropy{TIndex}(ReadOnlySpan{float}, int, ReadOnlySpan{TIndex}, Span{float}, CrossEntropyOptions)"/>
    /// one by one, PyTorch's <c>reduction='none'</c>; each row of the gradient is multiplied by <c>lossesGradient[i]</c>.
    /// </summary>
    /// <typeparam name="TIndex">Any integer type.</typeparam>
    /// <param name="logits"><c>[n, classes]</c>, row-major.</param>
    /// <param name="classes">The number of classes: 1 or more.</param>
    /// <param name="target"><c>[n]</c>.</param>
    /// <param name="losses"><c>[n]</c>; shares no memory with the inputs.</param>
    /// <param name="lossesGradient"><c>[n]</c>: <c>grad_output</c>; needed with <paramref name="gradient"/>.</param>
    /// <param name="gradient"><c>[n, classes]</c>, or empty to leave it out; shares no memory with another span.</param>
    /// <param name="options">Weights and smoothing; the reduction is not looked at.</param>
    /// <exception cref="ArgumentOutOfRangeException">A target is no class, or an option is out of range.</exception>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    public static void CrossEntropies<TIndex>(
        ReadOnlySpan<float> logits,
        int classes,
        ReadOnlySpan<TIndex> target,
        Span<float> losses,
        ReadOnlySpan<float> lossesGradient = default,
        Span<float> gradient = default,
        CrossEntropyOptions options = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        CheckClasses(logits, classes, target, options);
        CheckLosses(logits, nameof(logits), target, target.Length, losses, lossesGradient, gradient);
        Check.NoOverlap(options.ClassWeight, "options.ClassWeight", (ReadOnlySpan<float>)losses, nameof(losses));
        Check.NoOverlap(options.ClassWeight, "options.ClassWeight", (ReadOnlySpan<float>)gradient, nameof(gradient));
        for (int i = 0; i < target.Length; i++)
        {
            Span<float> row = gradient.IsEmpty ? default : gradient.Slice(i * classes, classes);
            float scale = gradient.IsEmpty ? 1 : lossesGradient[i];
            losses[i] = (float)CrossEntropy(logits.Slice(i * classes, classes), target[i], scale, row, options);
        }
    }

    /// <summary>The loss of one sample; its gradient times <paramref name="scale"/> goes to <paramref name="gradient"/>.</summary>
    private static double CrossEntropy<TIndex>(ReadOnlySpan<float> logits, TIndex target, double scale, Span<float> gradient, in CrossEntropyOptions options)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        if (IsIgnored(target, options))
        {
            gradient.Clear();
            return 0;
        }

        // Shifted by the largest logit, so that no exponential overflows.
        double largest = double.NegativeInfinity;
        foreach (float x in logits) largest = Math.Max(largest, x);
        double total = 0;
        foreach (float x in logits) total += FixedMath.Exp(x - largest);
        double logTotal = largest + FixedMath.Log(total);

        int t = int.CreateTruncating(target);
        double smoothing = (double)options.LabelSmoothing / logits.Length;
        double kept = (1 - (double)options.LabelSmoothing) * ClassWeight(t, options);
        double loss = kept * (logTotal - logits[t]);
        double weights = kept;
        if (smoothing > 0)
        {
            for (int c = 0; c < logits.Length; c++)
            {
                double weight = smoothing * ClassWeight(c, options);
                loss += weight * (logTotal - logits[c]);
                weights += weight;
            }
        }

        for (int c = 0; c < gradient.Length; c++)
        {
            double slope = weights * FixedMath.Exp(logits[c] - logTotal);
            if (smoothing > 0) slope -= smoothing * ClassWeight(c, options);
            if (c == t) slope -= kept;
            gradient[c] = (float)(slope * scale);
        }

        return loss;
    }

    private static bool IsIgnored<TIndex>(TIndex target, in CrossEntropyOptions options)
        where TIndex : unmanaged, IBinaryInteger<TIndex> => long.CreateTruncating(target) == (options.IgnoreIndex ?? -100);

    private static double ClassWeight(int c, in CrossEntropyOptions options) => options.ClassWeight.IsEmpty ? 1 : options.ClassWeight[c];

    private static void CheckClasses<TIndex>(ReadOnlySpan<float> logits, int classes, ReadOnlySpan<TIndex> target, in CrossEntropyOptions options)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        CheckReduction(options.Reduction);
        if (classes < 1) Throw.OutOfRange(nameof(classes), classes, "1 or more");
        if (!(options.LabelSmoothing >= 0 && options.LabelSmoothing <= 1)) Throw.OutOfRange("options.LabelSmoothing", options.LabelSmoothing, "from 0 to 1");
        if (!options.ClassWeight.IsEmpty) Check.Length("options.ClassWeight", options.ClassWeight.Length, classes, "classes");
        Check.Length(nameof(logits), logits.Length, (long)target.Length * classes, "target.Length * classes");
        for (int i = 0; i < target.Length; i++)
        {
            if (IsIgnored(target[i], options) || ulong.CreateTruncating(target[i]) < (ulong)classes) continue;
            Throw.OutOfRange($"target[{i}]", long.CreateTruncating(target[i]), $"a class from 0 to {classes - 1}, or the ignored index");
        }
    }
}
