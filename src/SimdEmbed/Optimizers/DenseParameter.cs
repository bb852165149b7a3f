using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>An array that is no table, such as a projection's weights, as an optimizer knows it: its shape and its state.</summary>
public sealed class DenseParameter
{
    internal DenseParameter(Optimizer optimizer, ParameterState state)
    {
        Optimizer = optimizer;
        State = state;
    }

    /// <summary>Rows of the array.</summary>
    public int Rows => (int)State.Rows;

    /// <summary>Columns of the array.</summary>
    public int Columns => State.Dim;

    internal Optimizer Optimizer { get; }

    internal ParameterState State { get; }
}
