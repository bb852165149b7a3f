using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>What every optimizer has: the learning rate, clipping, threads, and what to do about gradients that are no numbers.</summary>
public abstract record OptimizerOptions
{
    private protected OptimizerOptions()
    {
    }

    /// <summary><c>lr</c>: finite, 0 or more.</summary>
    public float LearningRate { get; init; }

    /// <summary><c>maximize</c>: true to climb instead of descend.</summary>
    public bool Maximize { get; init; }

    /// <summary>
    /// Every element of a gradient is first put between <c>-ClipValue</c> and <c>ClipValue</c>: PyTorch's <c>clip_grad_value_</c>. Null for
    /// no limit; otherwise above 0.
    /// </summary>
    public float? ClipValue { get; init; }

    /// <summary>
    /// Where the 2-norm of all gradients of a step together is above it, they are scaled by <c>ClipNorm / (norm + 1e-6)</c>: PyTorch's
    /// <c>clip_grad_norm_</c>, after <see cref="ClipValue"/>. Null for no limit; otherwise above 0. A fused step then sums twice.
    /// </summary>
    public float? ClipNorm { get; init; }

    /// <summary>What a gradient does that holds a NaN or an infinity.</summary>
    public NonFiniteGradients NonFinite { get; init; }

    /// <summary>
    /// How many threads a step may use, the caller's included: 1 or more, and in effect at most one per processor. The results are the
    /// same bits at any degree.
    /// </summary>
    public int Degree { get; init; } = 1;

    /// <summary>
    /// How the new weights of a float16 or bfloat16 table are rounded; what the optimizer remembers is float32. Other tables are not rounded.
    /// </summary>
    public HalfRounding HalfRounding { get; init; }

    /// <summary>
    /// What stochastic rounding draws from: its bits depend on this seed, the parameter's place in the order of adding, the step, the row
    /// and the column, and on nothing else.
    /// </summary>
    public ulong RoundingSeed { get; init; }

    /// <summary>Refuses numbers out of range, by name.</summary>
    internal virtual void Check()
    {
        CheckRate(LearningRate);
        if (ClipValue is { } value && !(value > 0)) Throw.OutOfRange(nameof(ClipValue), value, "null or above 0");
        if (ClipNorm is { } norm && !(norm > 0)) Throw.OutOfRange(nameof(ClipNorm), norm, "null or above 0");
        if (!Enum.IsDefined(NonFinite)) Throw.OutOfRange(nameof(NonFinite), NonFinite, "a defined NonFiniteGradients");
        if (Degree < 1) Throw.OutOfRange(nameof(Degree), Degree, "1 or more");
        if (!Enum.IsDefined(HalfRounding)) Throw.OutOfRange(nameof(HalfRounding), HalfRounding, "a defined HalfRounding");
    }

    /// <summary>Refuses a learning rate out of range.</summary>
    internal void CheckRate(float rate)
    {
        NotNegative(nameof(LearningRate), rate);
        if (rate == 0 && DividesByRate) Throw.OutOfRange(nameof(LearningRate), rate, "above 0");
    }

    /// <summary>Whether a learning rate of 0 has no meaning.</summary>
    private protected virtual bool DividesByRate => false;

    private protected static void NotNegative(string name, double value)
    {
        if (!double.IsFinite(value) || value < 0) Throw.OutOfRange(name, value, "finite and 0 or more");
    }

    private protected static void Decay(string name, double value)
    {
        if (!(value >= 0 && value < 1)) Throw.OutOfRange(name, value, "0 or more and below 1");
    }
}

/// <summary>What a gradient does that holds a NaN or an infinity.</summary>
public enum NonFiniteGradients
{
    /// <summary>It goes into the weights, as in PyTorch.</summary>
    LetThrough = 0,

    /// <summary>
    /// The step throws before anything is written, and names the position and column. A fused step looks at the output gradient: an
    /// overflow that arises in a sum passes.
    /// </summary>
    Throw = 1,
}

/// <summary>How trained weights become half-width floats.</summary>
public enum HalfRounding
{
    /// <summary>
    /// To one of the two neighbours, by chance: on average the weight is what float32 would have, so that steps smaller than the distance of
    /// two halves add up. The same seed gives the same bits, on any number of threads.
    /// </summary>
    Stochastic = 0,

    /// <summary>To the nearest, ties to even, as PyTorch does: a step of less than half the distance to the next number changes nothing.</summary>
    Nearest = 1,
}
