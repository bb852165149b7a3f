using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>How <see cref="Ftrl"/> steps.</summary>
public sealed record FtrlOptions : OptimizerOptions
{
    /// <summary>The paper's names; its alpha is the learning rate.</summary>
    public FtrlOptions() => LearningRate = 0.1f;

    /// <summary>
    /// Smooths the first steps of a column: 0 or more. Above 0 it also pulls weights to zero until gradients have outgrown it, which is
    /// meant for linear models that start at zero; 0 keeps the starting weights.
    /// </summary>
    public float Beta { get; init; } = 1;

    /// <summary>Weights whose evidence is not above it are exactly 0.</summary>
    public float L1 { get; init; }

    /// <summary>Pulls weights towards 0.</summary>
    public float L2 { get; init; }

    /// <summary>What the sums of squares start from.</summary>
    public float InitialAccumulatorValue { get; init; }

    private protected override bool DividesByRate => true;

    internal override void Check()
    {
        base.Check();
        NotNegative(nameof(Beta), Beta);
        NotNegative(nameof(L1), L1);
        NotNegative(nameof(L2), L2);
        NotNegative(nameof(InitialAccumulatorValue), InitialAccumulatorValue);
    }
}

/// <summary>
/// FTRL-proximal (McMahan et al., 2013), for click models with many weights at 0; PyTorch has none. <c>s = (sqrt(n + g g) - sqrt(n)) / lr</c>;
/// <c>z = z + g - s w</c>; <c>n = n + g g</c>; <c>w = (sign(z) l1 - z) / ((beta + sqrt(n)) / lr + l2)</c>, and 0 where <c>|z|</c> is not above
/// <c>l1</c>. A dense gradient moves every row: one that never had a gradient becomes 0.
/// Weights follow from <c>z</c>, <c>n</c> and the learning rate: another rate moves them too, in proportion, when they are next stepped.
/// </summary>
public sealed unsafe class Ftrl : Optimizer
{
    /// <summary>Creates the optimizer for one table; <see cref="Optimizer.Add"/> takes more.</summary>
    /// <param name="table">The table to train.</param>
    /// <param name="options">The hyperparameters; null for the defaults.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public Ftrl(EmbeddingTable table, FtrlOptions? options = null)
        : this(options ?? new FtrlOptions()) => Add(table);

    /// <summary>Creates the optimizer without a table.</summary>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public Ftrl(FtrlOptions options)
        : base(options)
    {
    }

    /// <summary>Adds a group with options of its own; <see cref="Optimizer.Add"/> puts tables into it.</summary>
    /// <param name="options">The group's hyperparameters; clipping by norm follows the first group's.</param>
    /// <returns>The group.</returns>
    /// <exception cref="ArgumentException">A hyperparameter is out of range, or they contradict each other.</exception>
    public ParameterGroup AddGroup(FtrlOptions options) => AddGroupOf(options);

    private protected override StateLayout LayoutOf(OptimizerOptions options) => new(["n", "z"], [((FtrlOptions)options).InitialAccumulatorValue, 0]);

    private protected override bool MovesAllRows(OptimizerOptions options) => true;

    private protected override void Apply(ParameterState state, scoped ref StepWork work) =>
        work.Apply(new FtrlUpdate((FtrlOptions)state.Group.Options, state));

    private readonly struct FtrlUpdate(FtrlOptions options, ParameterState parameter) : IRowUpdate
    {
        private readonly Vector<float> _rate = new(parameter.Group.LearningRate);
        private readonly Vector<float> _sign = new(options.Maximize ? -1 : 1);
        private readonly Vector<float> _beta = new(options.Beta);
        private readonly Vector<float> _l1 = new(options.L1);
        private readonly Vector<float> _l2 = new(options.L2);

        public static int StateVectors => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> BeginRow(float* weights, float* gradient, float* state, nint dim) => default;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> Apply(Vector<float> weight, Vector<float> gradient, Vector<float> row, float* state, nint stride)
        {
            Vector<float> direction = gradient * _sign;
            Vector<float> square = Unsafe.ReadUnaligned<Vector<float>>(state);
            Vector<float> grown = square + (direction * direction);
            Vector<float> root = Vector.SquareRoot(grown);
            Vector<float> sigma = (root - Vector.SquareRoot(square)) / _rate;
            Vector<float> evidence = Unsafe.ReadUnaligned<Vector<float>>(state + stride) + direction - (sigma * weight);
            Unsafe.WriteUnaligned(state, grown);
            Unsafe.WriteUnaligned(state + stride, evidence);
            Vector<float> signed = Vector.ConditionalSelect(Vector.LessThan(evidence, Vector<float>.Zero), -_l1, _l1);
            Vector<float> moved = (signed - evidence) / (((_beta + root) / _rate) + _l2);

            // Not "at most l1": a NaN has to go on.
            return Vector.ConditionalSelect(Vector.LessThanOrEqual(Vector.Abs(evidence), _l1), Vector<float>.Zero, moved);
        }
    }
}
