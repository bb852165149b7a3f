using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>Changes the weights of tables by their gradients. One thread uses an optimizer, and its tables, at a time.</summary>
public abstract class Optimizer : IDisposable
{
    private readonly HashSet<EmbeddingTable> _tables = [];
    private bool _disposed;

    private protected Optimizer(float learningRate) => LearningRate = learningRate;

    /// <summary>The step's length, <c>lr</c> in PyTorch: finite, 0 or more. It may be set between steps.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, infinite or NaN.</exception>
    public float LearningRate
    {
        get;
        set
        {
            if (!float.IsFinite(value) || value < 0) Throw.OutOfRange(nameof(LearningRate), value, "finite and 0 or more");
            field = value;
        }
    }

    /// <summary>Makes <paramref name="table"/> one of the optimizer's; PyTorch's <c>params</c>.</summary>
    /// <param name="table">The table; adding it again does nothing.</param>
    /// <exception cref="ObjectDisposedException">The optimizer or the table was disposed.</exception>
    public void Add(EmbeddingTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        ObjectDisposedException.ThrowIf(_disposed, this);
        _ = table.OpenWrite();
        _tables.Add(table);
    }

    /// <summary>Changes the weights of the gradient's table; rows that the gradient does not touch stay as they are.</summary>
    /// <param name="gradient">A gradient of a table that was added; it is not changed.</param>
    /// <exception cref="ArgumentException">The gradient's table was not added.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer, the gradient or its table was disposed.</exception>
    public void Step(EmbeddingGradient gradient)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_tables.Contains(gradient.Table))
        {
            Throw.Argument(nameof(gradient), "the gradient's table was not added to this optimizer: call Add(table) first.");
        }

        Apply(gradient.Table.OpenWrite(), gradient.OpenTouched());
        GC.KeepAlive(gradient);
    }

    /// <summary>Forgets the tables, which stay open.</summary>
    public void Dispose()
    {
        _disposed = true;
        _tables.Clear();
        GC.SuppressFinalize(this);
    }

    private protected abstract void Apply(in RowView table, in GradientRows gradient);
}
