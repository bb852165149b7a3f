using SimdEmbed.Reference;

namespace SimdEmbed.Tests.Support;

/// <summary>The options of one case; each optimizer takes those it has.</summary>
internal sealed record OptimizerKnobs
{
    public OptimizerKnobs(Random random, float learningRate, bool throws)
    {
        LearningRate = learningRate;
        NonFinite = throws ? NonFiniteGradients.Throw : NonFiniteGradients.LetThrough;
        ClipValue = random.Next(3) == 0 ? (float)(random.NextDouble() + 0.01) : null;
        ClipNorm = random.Next(3) == 0 ? (float)((random.NextDouble() * 4) + 0.01) : null;
        Maximize = random.Next(3) == 0;
        KeepsMoving = random.Next(3) == 0;
        WeightDecay = random.Next(2) == 0 ? (float)random.NextDouble() : 0;
        Momentum = random.Next(2) == 0 ? (float)random.NextDouble() : 0;
        Nesterov = Momentum != 0 && random.Next(2) == 0;
        Dampening = Nesterov ? 0 : (float)random.NextDouble();
        Beta1 = random.NextDouble();
        Beta2 = random.NextDouble();
        Epsilon = random.Next(5) == 0 ? 0.1f : 1e-8f;
        Start = random.Next(2) == 0 ? (float)random.NextDouble() : 0;
        Decay = random.Next(2) == 0 ? (float)random.NextDouble() : 0;
        Flag = random.Next(2) == 0;
        L1 = random.Next(2) == 0 ? (float)random.NextDouble() : 0;
        L2 = random.Next(2) == 0 ? (float)random.NextDouble() : 0;
        Codec = random.Next(6) switch { 0 or 1 => RowCodec.Float16, 2 or 3 => RowCodec.BFloat16, _ => RowCodec.Float32 };
        HalfRounding = random.Next(4) == 0 ? HalfRounding.Nearest : HalfRounding.Stochastic;
        RoundingSeed = (ulong)random.NextInt64();
    }

    /// <summary>How the trained table is stored.</summary>
    public RowCodec Codec { get; }

    public HalfRounding HalfRounding { get; }

    public ulong RoundingSeed { get; }

    public float LearningRate { get; }

    public NonFiniteGradients NonFinite { get; }

    public float? ClipValue { get; }

    public float? ClipNorm { get; }

    public bool Maximize { get; }

    public bool KeepsMoving { get; }

    public float WeightDecay { get; }

    public float Momentum { get; }

    public bool Nesterov { get; }

    public float Dampening { get; }

    public double Beta1 { get; }

    public double Beta2 { get; }

    public float Epsilon { get; }

    public float Start { get; }

    public float Decay { get; }

    public bool Flag { get; }

    public float L1 { get; }

    public float L2 { get; }

    /// <summary>PyTorch's sparse momentum takes no weight decay.</summary>
    public float SgdDecay => KeepsMoving && Momentum != 0 ? 0 : WeightDecay;
}

/// <summary>An optimizer and its naive twin, from the same options.</summary>
internal sealed record OptimizerRule(
    string Name, bool Decays, Func<OptimizerKnobs, int, Optimizer> Create, Func<OptimizerKnobs, int, int, ReferenceOptimizer> Reference)
{
    public static OptimizerRule[] All { get; } =
    [
        new(
            "Sgd",
            true,
            (k, degree) => new Sgd(With(new SgdOptions { Momentum = k.Momentum, Dampening = k.Dampening, Nesterov = k.Nesterov, WeightDecay = k.SgdDecay, SparseMomentum = k.KeepsMoving ? SparseMomentum.PyTorch : SparseMomentum.Lazy }, k, degree)),
            (k, rows, dim) => Twin(new ReferenceSgd(rows, dim, k.Momentum, k.Dampening, k.Nesterov, k.KeepsMoving && k.Momentum != 0), k, k.SgdDecay)),
        new(
            "Adagrad",
            true,
            (k, degree) => new Adagrad(With(new AdagradOptions { LearningRateDecay = k.Decay, InitialAccumulatorValue = k.Start, Epsilon = k.Epsilon, WeightDecay = k.WeightDecay }, k, degree)),
            (k, rows, dim) => Twin(new ReferenceAdagrad(rows, dim, k.Decay, k.Start, k.Epsilon), k, k.WeightDecay)),
        new(
            "RowWiseAdagrad",
            true,
            (k, degree) => new RowWiseAdagrad(With(new RowWiseAdagradOptions { InitialAccumulatorValue = k.Start, Epsilon = k.Epsilon, WeightDecay = k.WeightDecay }, k, degree)),
            (k, rows, dim) => Twin(new ReferenceRowWiseAdagrad(rows, dim, k.Start, k.Epsilon), k, k.WeightDecay)),
        new(
            "Adam",
            true,
            (k, degree) => new Adam(With(new AdamOptions { Beta1 = k.Beta1, Beta2 = k.Beta2, Epsilon = k.Epsilon, Amsgrad = k.Flag, WeightDecay = k.WeightDecay }, k, degree)),
            (k, rows, dim) => Twin(new ReferenceAdam(rows, dim, k.Beta1, k.Beta2, k.Epsilon, k.Flag, 0), k, k.WeightDecay)),
        new(
            "AdamW",
            true,
            (k, degree) => new AdamW(With(new AdamWOptions { Beta1 = k.Beta1, Beta2 = k.Beta2, Epsilon = k.Epsilon, Amsgrad = k.Flag, WeightDecay = k.WeightDecay }, k, degree)),
            (k, rows, dim) => Twin(new ReferenceAdam(rows, dim, k.Beta1, k.Beta2, k.Epsilon, k.Flag, k.WeightDecay), k, 0)),
        new(
            "SparseAdam",
            false,
            (k, degree) => new SparseAdam(With(new SparseAdamOptions { Beta1 = k.Beta1, Beta2 = k.Beta2, Epsilon = k.Epsilon }, k, degree)),
            (k, rows, dim) => Twin(new ReferenceSparseAdam(rows, dim, k.Beta1, k.Beta2, k.Epsilon), k, 0)),
        new(
            "RmsProp",
            true,
            (k, degree) => new RmsProp(With(new RmsPropOptions { Alpha = k.Beta1, Epsilon = k.Epsilon, Momentum = k.Momentum, Centered = k.Flag, WeightDecay = k.WeightDecay }, k, degree)),
            (k, rows, dim) => Twin(new ReferenceRmsProp(rows, dim, k.Beta1, k.Epsilon, k.Momentum, k.Flag), k, k.WeightDecay)),
        new(
            "Ftrl",
            false,
            (k, degree) => new Ftrl(With(new FtrlOptions { L1 = k.L1, L2 = k.L2, Beta = k.Decay, InitialAccumulatorValue = k.Start }, k, degree)),
            (k, rows, dim) => Twin(new ReferenceFtrl(rows, dim, k.Decay, k.L1, k.L2, k.Start), k, 0)),
    ];

    private static TOptions With<TOptions>(TOptions options, OptimizerKnobs knobs, int degree)
        where TOptions : OptimizerOptions => options with
        {
            LearningRate = knobs.LearningRate,
            NonFinite = knobs.NonFinite,
            ClipValue = knobs.ClipValue,
            ClipNorm = knobs.ClipNorm,
            Maximize = knobs.Maximize,
            Degree = degree,
            HalfRounding = knobs.HalfRounding,
            RoundingSeed = knobs.RoundingSeed,
        };

    private static ReferenceOptimizer Twin(ReferenceOptimizer reference, OptimizerKnobs knobs, float decay)
    {
        reference.WeightDecay = decay;
        reference.Maximize = knobs.Maximize;
        reference.ClipValue = knobs.ClipValue;
        reference.ClipNorm = knobs.ClipNorm;
        return reference;
    }
}
