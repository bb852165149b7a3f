using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>How <see cref="AdamW"/> steps: the arguments of PyTorch's <c>torch.optim.AdamW</c>.</summary>
public sealed record AdamWOptions : OptimizerOptions
{
    /// <summary>PyTorch's defaults.</summary>
    public AdamWOptions() => LearningRate = 1e-3f;

    /// <summary>The first of <c>betas</c>: how much of the mean is kept. In double, because 1 - Beta in float would be off by 1e-5.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The second of <c>betas</c>: how much of the mean of squares is kept.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary><c>eps</c>, outside the root.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary><c>weight_decay</c>: every row that moves is first multiplied by <c>1 - lr * weight_decay</c>.</summary>
    public float WeightDecay { get; init; } = 1e-2f;

    /// <summary><c>amsgrad</c>: divide by the largest mean of squares so far.</summary>
    public bool Amsgrad { get; init; }

    internal override void Check()
    {
        base.Check();
        Decay(nameof(Beta1), Beta1);
        Decay(nameof(Beta2), Beta2);
        NotNegative(nameof(Epsilon), Epsilon);
        NotNegative(nameof(WeightDecay), WeightDecay);
    }
}

/// <summary>
/// Adam with decoupled weight decay, <c>torch.optim.AdamW</c>. <c>w = w (1 - lr weight_decay)</c>; <c>m = beta1 m + (1 - beta1) g</c>;
/// <c>v = beta2 v + (1 - beta2) g g</c>; <c>w = w - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)</c>, with AMSGrad the largest <c>v</c> so far in the root. A sparse
/// gradient changes the moments of the touched rows alone; <c>t</c> counts the steps of the table.
/// </summary>
public sealed unsafe class AdamW : Optimizer
{
    /// <summary>Creates the optimizer for one table; <see cref="Optimizer.Add"/> takes more.</summary>
    /// <param name="table">The table to train.</param>
    /// <param name="options">The hyperparameters; null for PyTorch's defaults.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public AdamW(EmbeddingTable table, AdamWOptions? options = null)
        : this(options ?? new AdamWOptions()) => Add(table);

    /// <summary>Creates the optimizer without a table.</summary>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public AdamW(AdamWOptions options)
        : base(options)
    {
    }

    /// <summary>Adds a group with options of its own; <see cref="Optimizer.Add"/> puts tables into it.</summary>
    /// <param name="options">The group's hyperparameters; clipping by norm follows the first group's.</param>
    /// <returns>The group.</returns>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public ParameterGroup AddGroup(AdamWOptions options) => AddGroupOf(options);

    private protected override StateLayout LayoutOf(OptimizerOptions options) => AdamMoments.Layout(((AdamWOptions)options).Amsgrad);

    private protected override bool MovesAllRows(OptimizerOptions options) => true;

    private protected override void Apply(ParameterState state, scoped ref StepWork work)
    {
        AdamWOptions options = (AdamWOptions)state.Group.Options;
        AdamMoments moments = new(options.Beta1, options.Beta2, options.Epsilon, state) { Shrink = (float)(1 - ((double)state.Group.LearningRate * options.WeightDecay)), Sign = options.Maximize ? -1 : 1 };
        if (options.Amsgrad) work.Apply(new AdamUpdate<On>(moments));
        else work.Apply(new AdamUpdate<Off>(moments));
    }
}
