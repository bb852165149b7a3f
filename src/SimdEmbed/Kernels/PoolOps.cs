using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SimdEmbed.Kernels;

/// <summary>What all columns of a row share: the factors of its weight, limit and codec, in every lane.</summary>
internal struct RowFactors
{
    /// <summary>The last factor before the addition; <c>scale</c> where the codec has one and nothing is summed.</summary>
    public Vector<float> Factor;

    /// <summary>What a row is multiplied by before that: what limits its norm.</summary>
    public Vector<float> Limit;

    /// <summary>The bias in every lane, where a column is decoded fully.</summary>
    public Vector<float> Bias;

    /// <summary>What the row adds to the bag's bias, which is added once.</summary>
    public float Shared;
}

/// <summary>Which factors a plan has for its rows.</summary>
internal interface IRowWeights
{
    /// <summary>Whether <see cref="BagPlan{TIndex}.Weights"/> are read.</summary>
    static abstract bool Weighted { get; }

    /// <summary>Whether <see cref="BagPlan{TIndex}.Scales"/> are read.</summary>
    static abstract bool Limited { get; }
}

/// <summary>No factors.</summary>
internal readonly struct Unweighted : IRowWeights
{
    public static bool Weighted => false;

    public static bool Limited => false;
}

/// <summary>One factor for each index.</summary>
internal readonly struct Weighted : IRowWeights
{
    static bool IRowWeights.Weighted => true;

    public static bool Limited => false;
}

/// <summary>Two factors for each index: the limited row rounds, then the product with the weight.</summary>
internal readonly struct LimitedWeighted : IRowWeights
{
    public static bool Weighted => true;

    public static bool Limited => true;
}

/// <summary>What pooling does with one vector of one row, on the vectors of a codec.</summary>
internal unsafe interface IPoolOp : IRowCodec
{
    /// <summary>Whether <see cref="RowFactors.Shared"/> is summed, and added to every column at the end.</summary>
    static abstract bool SharesBias { get; }

    /// <summary>What the row of index <paramref name="i"/> of the plan brings; <paramref name="side"/> is the row's own pair.</summary>
    static abstract RowFactors Factors(float* side, float* weights, float* limits, int i);

    /// <summary>The accumulator before the first row, whose vector is <paramref name="first"/> and which is combined again.</summary>
    static abstract Vector<float> Start(Vector<float> first, in RowFactors factors);

    static abstract Vector<float> Combine(Vector<float> accumulator, Vector<float> value, in RowFactors factors);
}

/// <summary>An operator whose result is one of the rows' values.</summary>
internal interface ILargest : IPoolOp
{
    /// <summary>The column itself, as a lookup gives it, limited.</summary>
    static abstract Vector<float> Value(Vector<float> value, in RowFactors factors);

    /// <summary>
    /// <paramref name="value"/> where it is strictly greater: the first of equals stays, a NaN that is there stays, and a later one never
    /// enters. Vector.Max leaves both open; x86 has one instruction that gives its second operand in all of these cases.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<float> Larger(Vector<float> accumulator, Vector<float> value) => Sse.IsSupported
        ? Vector.MaxNative(value, accumulator)
        : Vector.ConditionalSelect(Vector.GreaterThan(value, accumulator), value, accumulator);
}

/// <summary>Sum in the order of the bag from +0.0: each product rounds, then each addition, the same at every width.</summary>
/// <remarks>
/// Where the codec has a scale, the row's factors are multiplied into it, and the biases are summed apart, once for all columns:
/// <c>sum(code * (scale * limit * weight)) + sum(bias * limit * weight)</c>.
/// </remarks>
internal readonly unsafe struct Sum<TCodec, TWeights> : IPoolOp
    where TCodec : struct, IRowCodec
    where TWeights : struct, IRowWeights
{
    public static bool SharesBias => TCodec.Affine;

    public static int Bits => TCodec.Bits;

    public static int Parts => TCodec.Parts;

    public static bool Affine => TCodec.Affine;

    public static nint RowBytes(int dim) => TCodec.RowBytes(dim);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Span(nint dim) => TCodec.Span(dim);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(byte* row, int k) => TCodec.Load(row, k);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, nint dim, nint position, float* values, int count) => TCodec.Store(target, dim, position, values, count);

    public static void Encode(float* values, nint dim, byte* row, float* side) => TCodec.Encode(values, dim, row, side);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RowFactors Factors(float* side, float* weights, float* limits, int i)
    {
        RowFactors factors = default;
        if (TCodec.Affine)
        {
            float scale = side[0];
            factors.Shared = side[1];
            if (TWeights.Limited)
            {
                scale *= limits[i];
                factors.Shared *= limits[i];
            }

            if (TWeights.Weighted)
            {
                scale *= weights[i];
                factors.Shared *= weights[i];
            }

            factors.Factor = new Vector<float>(scale);
            return factors;
        }

        if (TWeights.Limited) factors.Limit = new Vector<float>(limits[i]);
        if (TWeights.Weighted) factors.Factor = new Vector<float>(weights[i]);
        return factors;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Start(Vector<float> first, in RowFactors factors) => Vector<float>.Zero;

    // No fused multiply-add: its bits would depend on the machine.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Combine(Vector<float> accumulator, Vector<float> value, in RowFactors factors)
    {
        if (TWeights.Limited && !TCodec.Affine) value *= factors.Limit;
        if (TWeights.Weighted || TCodec.Affine) value *= factors.Factor;
        return accumulator + value;
    }
}

/// <summary>The largest of each column. Rows are decoded, and multiplied by their weight where there are weights: their limit.</summary>
internal readonly unsafe struct Largest<TCodec, TWeights> : ILargest
    where TCodec : struct, IRowCodec
    where TWeights : struct, IRowWeights
{
    public static bool SharesBias => false;

    public static int Bits => TCodec.Bits;

    public static int Parts => TCodec.Parts;

    public static bool Affine => TCodec.Affine;

    public static nint RowBytes(int dim) => TCodec.RowBytes(dim);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Span(nint dim) => TCodec.Span(dim);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(byte* row, int k) => TCodec.Load(row, k);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* target, nint dim, nint position, float* values, int count) => TCodec.Store(target, dim, position, values, count);

    public static void Encode(float* values, nint dim, byte* row, float* side) => TCodec.Encode(values, dim, row, side);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RowFactors Factors(float* side, float* weights, float* limits, int i)
    {
        RowFactors factors = default;
        if (TCodec.Affine)
        {
            factors.Factor = new Vector<float>(side[0]);
            factors.Bias = new Vector<float>(side[1]);
        }

        if (TWeights.Weighted) factors.Limit = new Vector<float>(weights[i]);
        return factors;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Start(Vector<float> first, in RowFactors factors) => Value(first, factors);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Combine(Vector<float> accumulator, Vector<float> value, in RowFactors factors) =>
        ILargest.Larger(accumulator, Value(value, factors));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Value(Vector<float> value, in RowFactors factors)
    {
        if (TCodec.Affine) value = (value * factors.Factor) + factors.Bias;
        return TWeights.Weighted ? value * factors.Limit : value;
    }
}
