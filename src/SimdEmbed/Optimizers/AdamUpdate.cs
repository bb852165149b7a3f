using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;

namespace SimdEmbed.Optimizers;

/// <summary>The numbers of one step of Adam, and of AdamW.</summary>
internal readonly struct AdamMoments
{
    public AdamMoments(double beta1, double beta2, float epsilon, ParameterState state)
    {
        Kept1 = (float)beta1;
        Added1 = (float)(1 - beta1);
        Kept2 = (float)beta2;
        Added2 = (float)(1 - beta2);
        Epsilon = epsilon;
        Rate = (float)(state.Group.LearningRate / (1 - FixedMath.PowInteger(beta1, state.Step)));
        Root = (float)Math.Sqrt(1 - FixedMath.PowInteger(beta2, state.Step));
        Shrink = 1;
        Sign = 1;
    }

    public float Kept1 { get; }

    public float Added1 { get; }

    public float Kept2 { get; }

    public float Added2 { get; }

    public float Epsilon { get; }

    /// <summary>The learning rate over the first bias correction.</summary>
    public float Rate { get; }

    /// <summary>The root of the second bias correction.</summary>
    public float Root { get; }

    public float Decay { get; init; }

    public float Shrink { get; init; }

    public float Sign { get; init; }

    public static StateLayout Layout(bool amsgrad) => amsgrad
        ? new StateLayout(["exp_avg", "exp_avg_sq", "max_exp_avg_sq"], [0, 0, 0])
        : new StateLayout(["exp_avg", "exp_avg_sq"], [0, 0]);
}

/// <summary>The row update of Adam and AdamW, which differ in two numbers.</summary>
internal readonly unsafe struct AdamUpdate<TAmsgrad>(AdamMoments moments) : IRowUpdate
    where TAmsgrad : struct, IFlag
{
    private readonly Vector<float> _kept1 = new(moments.Kept1);
    private readonly Vector<float> _added1 = new(moments.Added1);
    private readonly Vector<float> _kept2 = new(moments.Kept2);
    private readonly Vector<float> _added2 = new(moments.Added2);
    private readonly Vector<float> _epsilon = new(moments.Epsilon);
    private readonly Vector<float> _rate = new(moments.Rate);
    private readonly Vector<float> _root = new(moments.Root);
    private readonly Vector<float> _decay = new(moments.Decay);
    private readonly Vector<float> _shrink = new(moments.Shrink);
    private readonly Vector<float> _sign = new(moments.Sign);
    private readonly bool _decays = moments.Decay != 0;

    public static int StateVectors => TAmsgrad.IsOn ? 3 : 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> BeginRow(float* weights, float* gradient, float* state, nint dim) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Apply(Vector<float> weight, Vector<float> gradient, Vector<float> row, float* state, nint stride)
    {
        Vector<float> direction = gradient * _sign;
        if (_decays) direction += _decay * weight;
        Vector<float> mean = (Unsafe.ReadUnaligned<Vector<float>>(state) * _kept1) + (direction * _added1);
        Vector<float> square = (Unsafe.ReadUnaligned<Vector<float>>(state + stride) * _kept2) + (_added2 * direction * direction);
        Unsafe.WriteUnaligned(state, mean);
        Unsafe.WriteUnaligned(state + stride, square);
        if (TAmsgrad.IsOn)
        {
            // The IEEE maximum: a NaN stays, as in PyTorch.
            square = Vector.Max(Unsafe.ReadUnaligned<Vector<float>>(state + (2 * stride)), square);
            Unsafe.WriteUnaligned(state + (2 * stride), square);
        }

        return (weight * _shrink) - (_rate * mean / ((Vector.SquareRoot(square) / _root) + _epsilon));
    }
}
