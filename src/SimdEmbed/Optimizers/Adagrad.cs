using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>How <see cref="Adagrad"/> steps: the arguments of PyTorch's <c>torch.optim.Adagrad</c>.</summary>
public sealed record AdagradOptions : OptimizerOptions
{
    /// <summary>PyTorch's defaults.</summary>
    public AdagradOptions() => LearningRate = 1e-2f;

    /// <summary><c>lr_decay</c>: step <c>t</c> has the learning rate <c>lr / (1 + (t - 1) lr_decay)</c>.</summary>
    public float LearningRateDecay { get; init; }

    /// <summary><c>weight_decay</c>: <c>weight_decay * weight</c> is added to the gradient of every row that moves.</summary>
    public float WeightDecay { get; init; }

    /// <summary><c>initial_accumulator_value</c>: what the sums of squares start from.</summary>
    public float InitialAccumulatorValue { get; init; }

    /// <summary><c>eps</c>, outside the root.</summary>
    public float Epsilon { get; init; } = 1e-10f;

    internal override void Check()
    {
        base.Check();
        NotNegative(nameof(LearningRateDecay), LearningRateDecay);
        NotNegative(nameof(WeightDecay), WeightDecay);
        NotNegative(nameof(InitialAccumulatorValue), InitialAccumulatorValue);
        NotNegative(nameof(Epsilon), Epsilon);
    }
}

/// <summary>
/// Adagrad, <c>torch.optim.Adagrad</c>. With <c>d = g + weight_decay w</c>: <c>sum = sum + d d</c>; <c>w = w - lr d / (sqrt(sum) + eps)</c>.
/// </summary>
public sealed unsafe class Adagrad : Optimizer
{
    /// <summary>Creates the optimizer for one table; <see cref="Optimizer.Add"/> takes more.</summary>
    /// <param name="table">The table to train.</param>
    /// <param name="options">The hyperparameters; null for PyTorch's defaults.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public Adagrad(EmbeddingTable table, AdagradOptions? options = null)
        : this(options ?? new AdagradOptions()) => Add(table);

    /// <summary>Creates the optimizer without a table.</summary>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public Adagrad(AdagradOptions options)
        : base(options)
    {
    }

    /// <summary>Adds a group with options of its own; <see cref="Optimizer.Add"/> puts tables into it.</summary>
    /// <param name="options">The group's hyperparameters; clipping by norm follows the first group's.</param>
    /// <returns>The group.</returns>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public ParameterGroup AddGroup(AdagradOptions options) => AddGroupOf(options);

    private protected override StateLayout LayoutOf(OptimizerOptions options) => new(["sum"], [((AdagradOptions)options).InitialAccumulatorValue]);

    // With an eps of 0, rows without a gradient divide 0 by 0, as in PyTorch.
    private protected override bool MovesAllRows(OptimizerOptions options) => options is AdagradOptions { WeightDecay: not 0 } or AdagradOptions { Epsilon: 0 };

    private protected override void Apply(ParameterState state, scoped ref StepWork work) =>
        work.Apply(new AdagradUpdate((AdagradOptions)state.Group.Options, state));

    private readonly struct AdagradUpdate(AdagradOptions options, ParameterState parameter) : IRowUpdate
    {
        private readonly Vector<float> _rate = new((float)(parameter.Group.LearningRate / (1 + ((parameter.Step - 1) * (double)options.LearningRateDecay))));
        private readonly Vector<float> _sign = new(options.Maximize ? -1 : 1);
        private readonly Vector<float> _decay = new(options.WeightDecay);
        private readonly Vector<float> _epsilon = new(options.Epsilon);
        private readonly bool _decays = options.WeightDecay != 0;

        public static int StateVectors => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> BeginRow(float* weights, float* gradient, float* state, nint dim) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> Apply(Vector<float> weight, Vector<float> gradient, Vector<float> row, float* state, nint stride)
        {
            Vector<float> direction = gradient * _sign;
            if (_decays) direction += _decay * weight;
            Vector<float> sum = Unsafe.ReadUnaligned<Vector<float>>(state) + (direction * direction);
            Unsafe.WriteUnaligned(state, sum);
            return weight - (_rate * direction / (Vector.SquareRoot(sum) + _epsilon));
        }
    }
}
