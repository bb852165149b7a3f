using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>How <see cref="Adam"/> steps: the arguments of PyTorch's <c>torch.optim.Adam</c>.</summary>
public sealed record AdamOptions : OptimizerOptions
{
    /// <summary>PyTorch's defaults.</summary>
    public AdamOptions() => LearningRate = 1e-3f;

    /// <summary>The first of <c>betas</c>: how much of the mean is kept. In double, because 1 - Beta in float would be off by 1e-5.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The second of <c>betas</c>: how much of the mean of squares is kept.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary><c>eps</c>, outside the root.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary><c>weight_decay</c>: <c>weight_decay * weight</c> is added to the gradient of every row that moves.</summary>
    public float WeightDecay { get; init; }

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
/// Adam, <c>torch.optim.Adam</c>. With <c>d = g + weight_decay w</c>: <c>m = beta1 m + (1 - beta1) d</c>; <c>v = beta2 v + (1 - beta2) d d</c>;
/// <c>w = w - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)</c>, with AMSGrad the largest <c>v</c> so far in the root. A sparse
/// gradient changes the moments of the touched rows alone; <c>t</c> counts the steps of the table.
/// </summary>
public sealed unsafe class Adam : Optimizer
{
    /// <summary>Creates the optimizer for one table; <see cref="Optimizer.Add"/> takes more.</summary>
    /// <param name="table">The table to train.</param>
    /// <param name="options">The hyperparameters; null for PyTorch's defaults.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public Adam(EmbeddingTable table, AdamOptions? options = null)
        : this(options ?? new AdamOptions()) => Add(table);

    /// <summary>Creates the optimizer without a table.</summary>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public Adam(AdamOptions options)
        : base(options)
    {
    }

    /// <summary>Adds a group with options of its own; <see cref="Optimizer.Add"/> puts tables into it.</summary>
    /// <param name="options">The group's hyperparameters; clipping by norm follows the first group's.</param>
    /// <returns>The group.</returns>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public ParameterGroup AddGroup(AdamOptions options) => AddGroupOf(options);

    private protected override StateLayout LayoutOf(OptimizerOptions options) => AdamMoments.Layout(((AdamOptions)options).Amsgrad);

    private protected override bool MovesAllRows(OptimizerOptions options) => true;

    private protected override void Apply(ParameterState state, scoped ref StepWork work)
    {
        AdamOptions options = (AdamOptions)state.Group.Options;
        AdamMoments moments = new(options.Beta1, options.Beta2, options.Epsilon, state) { Decay = options.WeightDecay, Sign = options.Maximize ? -1 : 1 };
        if (options.Amsgrad) work.Apply(new AdamUpdate<On>(moments));
        else work.Apply(new AdamUpdate<Off>(moments));
    }
}
