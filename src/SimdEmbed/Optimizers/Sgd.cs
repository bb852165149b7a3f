using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>How <see cref="Sgd"/> steps: the arguments of PyTorch's <c>torch.optim.SGD</c>.</summary>
public sealed record SgdOptions : OptimizerOptions
{
    /// <summary>PyTorch's defaults; it has none for the learning rate, which is 0.001 here.</summary>
    public SgdOptions() => LearningRate = 1e-3f;

    /// <summary><c>momentum</c>: 0 or more; 0 for none.</summary>
    public float Momentum { get; init; }

    /// <summary><c>dampening</c>: from the second step on, <c>1 - dampening</c> of a gradient goes into the momentum.</summary>
    public float Dampening { get; init; }

    /// <summary><c>weight_decay</c>: <c>weight_decay * weight</c> is added to the gradient of every row that moves.</summary>
    public float WeightDecay { get; init; }

    /// <summary><c>nesterov</c>: needs momentum, and no dampening.</summary>
    public bool Nesterov { get; init; }

    /// <summary>How momentum and sparse gradients go together.</summary>
    public SparseMomentum SparseMomentum { get; init; }

    internal override void Check()
    {
        base.Check();
        NotNegative(nameof(Momentum), Momentum);
        NotNegative(nameof(WeightDecay), WeightDecay);
        if (!float.IsFinite(Dampening)) Throw.OutOfRange(nameof(Dampening), Dampening, "finite");
        if (!Enum.IsDefined(SparseMomentum)) Throw.OutOfRange(nameof(SparseMomentum), SparseMomentum, "a defined SparseMomentum");
        if (Nesterov && (Momentum == 0 || Dampening != 0)) Throw.Argument(nameof(Nesterov), "Nesterov needs Momentum above 0 and Dampening = 0.");
        if (SparseMomentum == SparseMomentum.PyTorch && Momentum != 0 && WeightDecay != 0)
        {
            Throw.Argument(nameof(SparseMomentum), "SparseMomentum.PyTorch takes no WeightDecay, as in PyTorch; SparseMomentum.Lazy does.");
        }
    }
}

/// <summary>How momentum and sparse gradients go together.</summary>
public enum SparseMomentum
{
    /// <summary>Only the touched rows move; the momentum of the others waits for their next gradient.</summary>
    Lazy = 0,

    /// <summary>As in PyTorch, every row that was ever touched moves on each step: a step's cost grows with their number.</summary>
    PyTorch = 1,
}

/// <summary>
/// Stochastic gradient descent, <c>torch.optim.SGD</c>. With <c>d = g + weight_decay w</c>: <c>b = momentum b + (1 - dampening) d</c>, on the
/// first step <c>b = d</c>; then <c>w = w - lr b</c>, with Nesterov <c>w - lr (d + momentum b)</c>, without momentum <c>w - lr d</c>.
/// </summary>
public sealed unsafe class Sgd : Optimizer
{
    /// <summary>Creates the optimizer for one table; <see cref="Optimizer.Add"/> takes more.</summary>
    /// <param name="table">The table to train.</param>
    /// <param name="options">The hyperparameters; null for PyTorch's defaults.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public Sgd(EmbeddingTable table, SgdOptions? options = null)
        : this(options ?? new SgdOptions()) => Add(table);

    /// <summary>Creates the optimizer without a table.</summary>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public Sgd(SgdOptions options)
        : base(options)
    {
    }

    /// <summary>Adds a group with options of its own; <see cref="Optimizer.Add"/> puts tables into it.</summary>
    /// <param name="options">The group's hyperparameters; clipping by norm follows the first group's.</param>
    /// <returns>The group.</returns>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public ParameterGroup AddGroup(SgdOptions options) => AddGroupOf(options);

    private protected override StateLayout LayoutOf(OptimizerOptions options) =>
        ((SgdOptions)options).Momentum == 0 ? StateLayout.None : new StateLayout(["momentum_buffer"], [0]);

    private protected override bool MovesAllRows(OptimizerOptions options) => options is SgdOptions { Momentum: not 0 } or SgdOptions { WeightDecay: not 0 };

    private protected override bool KeepsMoving(OptimizerOptions options) => options is SgdOptions { Momentum: not 0, SparseMomentum: SparseMomentum.PyTorch };

    private protected override void Apply(ParameterState state, scoped ref StepWork work)
    {
        SgdOptions options = (SgdOptions)state.Group.Options;
        if (options.Momentum == 0) work.Apply(new SgdUpdate<Off>(options, state));
        else work.Apply(new SgdUpdate<On>(options, state));
    }

    private readonly struct SgdUpdate<TMomentum>(SgdOptions options, ParameterState parameter) : IRowUpdate
        where TMomentum : struct, IFlag
    {
        private readonly Vector<float> _rate = new(parameter.Group.LearningRate);
        private readonly Vector<float> _sign = new(options.Maximize ? -1 : 1);
        private readonly Vector<float> _decay = new(options.WeightDecay);
        private readonly Vector<float> _momentum = new(options.Momentum);

        // The first momentum is the gradient itself: what the buffer holds counts for nothing, and there is no dampening.
        private readonly Vector<float> _kept = new(parameter.Step == 1 ? 0 : options.Momentum);
        private readonly Vector<float> _added = new(parameter.Step == 1 ? 1 : 1 - options.Dampening);
        private readonly bool _decays = options.WeightDecay != 0;
        private readonly bool _nesterov = options.Nesterov;

        public static int StateVectors => TMomentum.IsOn ? 1 : 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> BeginRow(float* weights, float* gradient, float* state, nint dim) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> Apply(Vector<float> weight, Vector<float> gradient, Vector<float> row, float* state, nint stride)
        {
            Vector<float> direction = gradient * _sign;
            if (_decays) direction += _decay * weight;
            if (TMomentum.IsOn)
            {
                Vector<float> buffer = (Unsafe.ReadUnaligned<Vector<float>>(state) * _kept) + (direction * _added);
                Unsafe.WriteUnaligned(state, buffer);
                direction = _nesterov ? direction + (_momentum * buffer) : buffer;
            }

            return weight - (_rate * direction);
        }
    }
}
