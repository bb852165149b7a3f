using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>How <see cref="SparseAdam"/> steps: the arguments of PyTorch's <c>torch.optim.SparseAdam</c>.</summary>
public sealed record SparseAdamOptions : OptimizerOptions
{
    /// <summary>PyTorch's defaults.</summary>
    public SparseAdamOptions() => LearningRate = 1e-3f;

    /// <summary>The first of <c>betas</c>: how much of the mean is kept. In double, because 1 - Beta in float would be off by 1e-5.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>The second of <c>betas</c>: how much of the mean of squares is kept.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary><c>eps</c>, outside the root.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    private protected override bool DividesByRate => true;

    internal override void Check()
    {
        base.Check();
        Decay(nameof(Beta1), Beta1);
        Decay(nameof(Beta2), Beta2);
        if (!(Epsilon > 0)) Throw.OutOfRange(nameof(Epsilon), Epsilon, "above 0");
    }
}

/// <summary>
/// Adam for sparse gradients, <c>torch.optim.SparseAdam</c>: <c>m = m + (1 - beta1) (g - m)</c>; <c>v = v + (1 - beta2) (g g - v)</c>;
/// <c>w = w - lr sqrt(1 - beta2^t) / (1 - beta1^t) (m / (sqrt(v) + eps))</c>, for the touched rows; <c>t</c> counts the steps of the table. A
/// dense gradient, which PyTorch refuses, moves every row.
/// </summary>
public sealed unsafe class SparseAdam : Optimizer
{
    /// <summary>Creates the optimizer for one table; <see cref="Optimizer.Add"/> takes more.</summary>
    /// <param name="table">The table to train.</param>
    /// <param name="options">The hyperparameters; null for PyTorch's defaults.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public SparseAdam(EmbeddingTable table, SparseAdamOptions? options = null)
        : this(options ?? new SparseAdamOptions()) => Add(table);

    /// <summary>Creates the optimizer without a table.</summary>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public SparseAdam(SparseAdamOptions options)
        : base(options)
    {
    }

    /// <summary>Adds a group with options of its own; <see cref="Optimizer.Add"/> puts tables into it.</summary>
    /// <param name="options">The group's hyperparameters; clipping by norm follows the first group's.</param>
    /// <returns>The group.</returns>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public ParameterGroup AddGroup(SparseAdamOptions options) => AddGroupOf(options);

    private protected override StateLayout LayoutOf(OptimizerOptions options) => AdamMoments.Layout(amsgrad: false);

    private protected override bool MovesAllRows(OptimizerOptions options) => true;

    private protected override void Apply(ParameterState state, scoped ref StepWork work) =>
        work.Apply(new SparseAdamUpdate((SparseAdamOptions)state.Group.Options, state));

    private readonly struct SparseAdamUpdate(SparseAdamOptions options, ParameterState parameter) : IRowUpdate
    {
        private readonly Vector<float> _sign = new(options.Maximize ? -1 : 1);
        private readonly Vector<float> _added1 = new((float)(1 - options.Beta1));
        private readonly Vector<float> _added2 = new((float)(1 - options.Beta2));
        private readonly Vector<float> _epsilon = new(options.Epsilon);
        private readonly Vector<float> _rate = new((float)(parameter.Group.LearningRate
            * Math.Sqrt(1 - FixedMath.PowInteger(options.Beta2, parameter.Step)) / (1 - FixedMath.PowInteger(options.Beta1, parameter.Step))));

        public static int StateVectors => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> BeginRow(float* weights, float* gradient, float* state, nint dim) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> Apply(Vector<float> weight, Vector<float> gradient, Vector<float> row, float* state, nint stride)
        {
            Vector<float> direction = gradient * _sign;
            Vector<float> mean = Unsafe.ReadUnaligned<Vector<float>>(state);
            Vector<float> square = Unsafe.ReadUnaligned<Vector<float>>(state + stride);
            mean += (direction - mean) * _added1;
            square += ((direction * direction) - square) * _added2;
            Unsafe.WriteUnaligned(state, mean);
            Unsafe.WriteUnaligned(state + stride, square);
            return weight - (_rate * (mean / (Vector.SquareRoot(square) + _epsilon)));
        }
    }
}
