using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary><c>sum of x * y</c>; with itself, the sum of squares.</summary>
internal readonly struct DotOp : ILaneOp
{
    public float Start => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Step(float lane, float x, float y) => lane + (x * y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Step(Vector<float> lane, Vector<float> x, Vector<float> y) => lane + (x * y);

    public float Merge(float left, float right) => left + right;
}

/// <summary><c>sum of (x - y)^2</c>.</summary>
internal readonly struct SquaredDifferenceOp : ILaneOp
{
    public float Start => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Step(float lane, float x, float y) => lane + ((x - y) * (x - y));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Step(Vector<float> lane, Vector<float> x, Vector<float> y) => lane + ((x - y) * (x - y));

    public float Merge(float left, float right) => left + right;
}

/// <summary><c>sum of |x|</c>.</summary>
internal readonly struct AbsSumOp : ILaneOp
{
    public float Start => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Step(float lane, float x, float y) => lane + Math.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Step(Vector<float> lane, Vector<float> x, Vector<float> y) => lane + Vector.Abs(x);

    public float Merge(float left, float right) => left + right;
}

/// <summary><c>sum of |x|^3</c>.</summary>
internal readonly struct CubeSumOp : ILaneOp
{
    public float Start => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Step(float lane, float x, float y) => lane + (Math.Abs(x) * x * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Step(Vector<float> lane, Vector<float> x, Vector<float> y) => lane + (Vector.Abs(x) * x * x);

    public float Merge(float left, float right) => left + right;
}

/// <summary>How many elements are not zero; NaN is not.</summary>
internal readonly struct NonZeroOp : ILaneOp
{
    public float Start => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Step(float lane, float x, float y) => x == 0 ? lane : lane + 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Step(Vector<float> lane, Vector<float> x, Vector<float> y) =>
        Vector.ConditionalSelect(Vector.Equals(x, Vector<float>.Zero), lane, lane + Vector<float>.One);

    public float Merge(float left, float right) => left + right;
}

/// <summary>The largest <c>|x|</c>, NaN if there is one: Vector.Max leaves open what it does with NaN.</summary>
internal readonly struct MaxAbsOp : ILaneOp
{
    public float Start => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Step(float lane, float x, float y) => Merge(lane, Math.Abs(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Step(Vector<float> lane, Vector<float> x, Vector<float> y)
    {
        Vector<float> size = Vector.Abs(x);
        return Vector.ConditionalSelect(Vector.GreaterThan(size, lane) | ~Vector.Equals(size, size), size, lane);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Merge(float left, float right) => right > left || float.IsNaN(right) ? right : left;
}

/// <summary>The smallest <c>|x|</c>, NaN if there is one.</summary>
internal readonly struct MinAbsOp : ILaneOp
{
    public float Start => float.PositiveInfinity;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Step(float lane, float x, float y) => Merge(lane, Math.Abs(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Step(Vector<float> lane, Vector<float> x, Vector<float> y)
    {
        Vector<float> size = Vector.Abs(x);
        return Vector.ConditionalSelect(Vector.LessThan(size, lane) | ~Vector.Equals(size, size), size, lane);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Merge(float left, float right) => right < left || float.IsNaN(right) ? right : left;
}

/// <summary>The square of a gradient with its weight decay: <c>(sign x + decay y)^2</c>.</summary>
internal readonly struct DecayedSquareOp(float sign, float decay) : ILaneOp
{
    private readonly Vector<float> _signs = new(sign);
    private readonly Vector<float> _decays = new(decay);

    public float Start => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Step(float lane, float x, float y)
    {
        float decayed = (x * sign) + (decay * y);
        return lane + (decayed * decayed);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Step(Vector<float> lane, Vector<float> x, Vector<float> y)
    {
        Vector<float> decayed = (x * _signs) + (_decays * y);
        return lane + (decayed * decayed);
    }

    public float Merge(float left, float right) => left + right;
}
