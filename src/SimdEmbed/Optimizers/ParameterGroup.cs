namespace SimdEmbed;

/// <summary>Tables and parameters that an optimizer steps with the same options: a param group of PyTorch's optimizers.</summary>
public sealed class ParameterGroup
{
    internal ParameterGroup(Optimizer optimizer, OptimizerOptions options)
    {
        Optimizer = optimizer;
        Options = options;
        LearningRate = options.LearningRate;
    }

    /// <summary>The group's options; its learning rate may have been set to another since.</summary>
    public OptimizerOptions Options { get; }

    /// <summary>The step's length, <c>lr</c> in PyTorch: finite, 0 or more. It may be set between steps.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, infinite or NaN.</exception>
    public float LearningRate
    {
        get;
        set
        {
            Options.CheckRate(value);
            field = value;
        }
    }

    internal Optimizer Optimizer { get; }
}
