using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>How <see cref="RmsProp"/> steps: the arguments of PyTorch's <c>torch.optim.RMSprop</c>.</summary>
public sealed record RmsPropOptions : OptimizerOptions
{
    /// <summary>PyTorch's defaults.</summary>
    public RmsPropOptions() => LearningRate = 1e-2f;

    /// <summary><c>alpha</c>: how much of the mean of squares is kept. In double, because 1 - Alpha in float would be off.</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary><c>eps</c>, outside the root.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary><c>weight_decay</c>: <c>weight_decay * weight</c> is added to the gradient of every row that moves.</summary>
    public float WeightDecay { get; init; }

    /// <summary><c>momentum</c>: 0 or more; 0 for none.</summary>
    public float Momentum { get; init; }

    /// <summary><c>centered</c>: divide by the standard deviation instead of the root of the mean of squares.</summary>
    public bool Centered { get; init; }

    internal override void Check()
    {
        base.Check();
        NotNegative(nameof(Alpha), Alpha);
        NotNegative(nameof(Epsilon), Epsilon);
        NotNegative(nameof(WeightDecay), WeightDecay);
        NotNegative(nameof(Momentum), Momentum);
    }
}

/// <summary>
/// RMSprop, <c>torch.optim.RMSprop</c>. With <c>d = g + weight_decay w</c>: <c>s = alpha s + (1 - alpha) d d</c>; <c>a = sqrt(s) + eps</c>, centered
/// <c>c = alpha c + (1 - alpha) d</c> and <c>a = sqrt(s - c c) + eps</c>; <c>w = w - lr d / a</c>, with momentum <c>b = momentum b + d / a</c> and
/// <c>w = w - lr b</c>.
/// </summary>
public sealed unsafe class RmsProp : Optimizer
{
    /// <summary>Creates the optimizer for one table; <see cref="Optimizer.Add"/> takes more.</summary>
    /// <param name="table">The table to train.</param>
    /// <param name="options">The hyperparameters; null for PyTorch's defaults.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public RmsProp(EmbeddingTable table, RmsPropOptions? options = null)
        : this(options ?? new RmsPropOptions()) => Add(table);

    /// <summary>Creates the optimizer without a table.</summary>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public RmsProp(RmsPropOptions options)
        : base(options)
    {
    }

    /// <summary>Adds a group with options of its own; <see cref="Optimizer.Add"/> puts tables into it.</summary>
    /// <param name="options">The group's hyperparameters; clipping by norm follows the first group's.</param>
    /// <returns>The group.</returns>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public ParameterGroup AddGroup(RmsPropOptions options) => AddGroupOf(options);

    private protected override StateLayout LayoutOf(OptimizerOptions options) => options switch
    {
        RmsPropOptions { Centered: true, Momentum: not 0 } => new StateLayout(["square_avg", "grad_avg", "momentum_buffer"], [0, 0, 0]),
        RmsPropOptions { Centered: true } => new StateLayout(["square_avg", "grad_avg"], [0, 0]),
        RmsPropOptions { Momentum: not 0 } => new StateLayout(["square_avg", "momentum_buffer"], [0, 0]),
        _ => new StateLayout(["square_avg"], [0]),
    };

    private protected override bool MovesAllRows(OptimizerOptions options) => true;

    private protected override void Apply(ParameterState state, scoped ref StepWork work)
    {
        RmsPropOptions options = (RmsPropOptions)state.Group.Options;
        if (options.Centered && options.Momentum != 0) work.Apply(new RmsPropUpdate<On, On>(options, state));
        else if (options.Centered) work.Apply(new RmsPropUpdate<On, Off>(options, state));
        else if (options.Momentum != 0) work.Apply(new RmsPropUpdate<Off, On>(options, state));
        else work.Apply(new RmsPropUpdate<Off, Off>(options, state));
    }

    private readonly struct RmsPropUpdate<TCentered, TMomentum>(RmsPropOptions options, ParameterState parameter) : IRowUpdate
        where TCentered : struct, IFlag
        where TMomentum : struct, IFlag
    {
        private readonly Vector<float> _rate = new(parameter.Group.LearningRate);
        private readonly Vector<float> _sign = new(options.Maximize ? -1 : 1);
        private readonly Vector<float> _decay = new(options.WeightDecay);
        private readonly Vector<float> _kept = new((float)options.Alpha);
        private readonly Vector<float> _added = new((float)(1 - options.Alpha));
        private readonly Vector<float> _epsilon = new(options.Epsilon);
        private readonly Vector<float> _momentum = new(options.Momentum);
        private readonly bool _decays = options.WeightDecay != 0;

        public static int StateVectors => 1 + (TCentered.IsOn ? 1 : 0) + (TMomentum.IsOn ? 1 : 0);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> BeginRow(float* weights, float* gradient, float* state, nint dim) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> Apply(Vector<float> weight, Vector<float> gradient, Vector<float> row, float* state, nint stride)
        {
            Vector<float> direction = gradient * _sign;
            if (_decays) direction += _decay * weight;
            Vector<float> square = (Unsafe.ReadUnaligned<Vector<float>>(state) * _kept) + (_added * direction * direction);
            Unsafe.WriteUnaligned(state, square);
            if (TCentered.IsOn)
            {
                Vector<float> mean = (Unsafe.ReadUnaligned<Vector<float>>(state + stride) * _kept) + (direction * _added);
                Unsafe.WriteUnaligned(state + stride, mean);
                square -= mean * mean;
            }

            Vector<float> average = Vector.SquareRoot(square) + _epsilon;
            if (!TMomentum.IsOn) return weight - (_rate * direction / average);
            float* momentum = state + ((StateVectors - 1) * stride);
            Vector<float> buffer = (Unsafe.ReadUnaligned<Vector<float>>(momentum) * _momentum) + (direction / average);
            Unsafe.WriteUnaligned(momentum, buffer);
            return weight - (_rate * buffer);
        }
    }
}
