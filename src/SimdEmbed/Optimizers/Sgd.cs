using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Gradients;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>How <see cref="Sgd"/> steps: the arguments of PyTorch's <c>torch.optim.SGD</c>.</summary>
public sealed record SgdOptions
{
    /// <summary><c>lr</c>: finite, 0 or more.</summary>
    public float LearningRate { get; init; } = 0.001f;
}

/// <summary>
/// Stochastic gradient descent, <c>torch.optim.SGD</c>: <c>weight[r, j] = weight[r, j] - lr * gradient[r, j]</c>, two roundings.
/// </summary>
public sealed unsafe class Sgd : Optimizer
{
    /// <summary>Creates the optimizer for one table; <see cref="Optimizer.Add"/> takes more.</summary>
    /// <param name="table">The table to train.</param>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentOutOfRangeException">A hyperparameter is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public Sgd(EmbeddingTable table, SgdOptions options)
        : this(options) => Add(table);

    /// <summary>Creates the optimizer without a table.</summary>
    /// <param name="options">The hyperparameters.</param>
    /// <exception cref="ArgumentOutOfRangeException">A hyperparameter is out of range.</exception>
    public Sgd(SgdOptions options)
        : base((options ?? throw new ArgumentNullException(nameof(options))).LearningRate)
    {
    }

    private protected override void Apply(in RowView table, in GradientRows gradient) =>
        Update<SgdUpdate>.Run(table, gradient.Rows, gradient.Count, gradient.Values, gradient.Slots, new SgdUpdate(LearningRate));

    private readonly struct SgdUpdate(float learningRate) : IRowUpdate
    {
        private readonly Vector<float> _learningRates = new(learningRate);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float Apply(float weight, float gradient) => weight - (learningRate * gradient);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<float> Apply(Vector<float> weight, Vector<float> gradient) => weight - (_learningRates * gradient);
    }
}
