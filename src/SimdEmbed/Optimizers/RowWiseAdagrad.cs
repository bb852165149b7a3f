using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>How <see cref="RowWiseAdagrad"/> steps.</summary>
public sealed record RowWiseAdagradOptions : OptimizerOptions
{
    /// <summary>Adagrad's defaults.</summary>
    public RowWiseAdagradOptions() => LearningRate = 1e-2f;

    /// <summary><c>weight_decay</c>: <c>weight_decay * weight</c> is added to the gradient of every row that moves.</summary>
    public float WeightDecay { get; init; }

    /// <summary>What the rows' sums of squares start from.</summary>
    public float InitialAccumulatorValue { get; init; }

    /// <summary><c>eps</c>, outside the root.</summary>
    public float Epsilon { get; init; } = 1e-10f;

    internal override void Check()
    {
        base.Check();
        NotNegative(nameof(WeightDecay), WeightDecay);
        NotNegative(nameof(InitialAccumulatorValue), InitialAccumulatorValue);
        NotNegative(nameof(Epsilon), Epsilon);
    }
}

/// <summary>
/// Adagrad with one number a row, FBGEMM's <c>EXACT_ROWWISE_ADAGRAD</c>; PyTorch has none. With <c>d = g + weight_decay w</c>:
/// <c>sum[row] = sum[row] + mean over columns of d d</c>; <c>w = w - lr / (sqrt(sum[row]) + eps) d</c>. The mean's sum runs over 16 fixed lanes.
/// </summary>
public sealed unsafe class RowWiseAdagrad : Optimizer
{
    /// <summary>Creates the optimizer for one table; <see cref="Optimizer.Add"/> takes more.</summary>
    /// <param name="table">The table to train.</param>
    /// <param name="options">The hyperparameters; null for the defaults.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public RowWiseAdagrad(EmbeddingTable table, RowWiseAdagradOptions? options = null)
        : this(options ?? new RowWiseAdagradOptions()) => Add(table);

    /// <summary>Creates the optimizer without a table.</summary>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public RowWiseAdagrad(RowWiseAdagradOptions options)
        : base(options)
    {
    }

    /// <summary>Adds a group with options of its own; <see cref="Optimizer.Add"/> puts tables into it.</summary>
    /// <param name="options">The group's hyperparameters; clipping by norm follows the first group's.</param>
    /// <returns>The group.</returns>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public ParameterGroup AddGroup(RowWiseAdagradOptions options) => AddGroupOf(options);

    private protected override StateLayout LayoutOf(OptimizerOptions options) =>
        new(["sum"], [((RowWiseAdagradOptions)options).InitialAccumulatorValue], PerRow: true);

    private protected override bool MovesAllRows(OptimizerOptions options) =>
        options is RowWiseAdagradOptions { WeightDecay: not 0 } or RowWiseAdagradOptions { Epsilon: 0 };

    private protected override void Apply(ParameterState state, scoped ref StepWork work) =>
        work.Apply(new RowWiseAdagradUpdate((RowWiseAdagradOptions)state.Group.Options, state));

    private readonly struct RowWiseAdagradUpdate(RowWiseAdagradOptions options, ParameterState parameter) : IRowUpdate
    {
        private readonly float _rate = parameter.Group.LearningRate;
        private readonly float _epsilon = options.Epsilon;
        private readonly DecayedSquareOp _square = new(options.Maximize ? -1 : 1, options.WeightDecay);
        private readonly Vector<float> _sign = new(options.Maximize ? -1 : 1);
        private readonly Vector<float> _decay = new(options.WeightDecay);
        private readonly bool _decays = options.WeightDecay != 0;

        public static int StateVectors => 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> BeginRow(float* weights, float* gradient, float* state, nint dim)
        {
            *state += (_decays ? LaneReduce<DecayedSquareOp>.Run(gradient, weights, dim, _square) : LaneReduce<DotOp>.Run(gradient, gradient, dim, default)) / dim;
            return new Vector<float>(_rate / ((float)Math.Sqrt(*state) + _epsilon));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> Apply(Vector<float> weight, Vector<float> gradient, Vector<float> row, float* state, nint stride)
        {
            Vector<float> direction = gradient * _sign;
            if (_decays) direction += _decay * weight;
            return weight - (row * direction);
        }
    }
}
