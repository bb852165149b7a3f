using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>What pooling does with one vector of one row. An accumulator starts at zero, so that a sum of nothing is +0.0.</summary>
internal unsafe interface IPoolOp
{
    /// <summary>True when every bag holds exactly one index: then no offsets are read.</summary>
    static abstract bool BagOfOne { get; }

    /// <summary>Whether <see cref="BagPlan{TIndex}.Weights"/> are read.</summary>
    static abstract bool Weighted { get; }

    /// <summary>Whether <see cref="BagPlan{TIndex}.Scales"/> are read.</summary>
    static abstract bool Scaled { get; }

    static abstract float Step(float accumulator, byte* row, nint column, float weight, float scale);

    static abstract Vector<float> StepVector(Vector<float> accumulator, byte* row, nint column, Vector<float> weight, Vector<float> scale);
}

/// <summary>A lookup: the row as it is, so that -0.0 and the payload of a NaN survive.</summary>
internal readonly unsafe struct Copy<TCodec> : IPoolOp
    where TCodec : struct, IRowCodec
{
    public static bool BagOfOne => true;

    public static bool Weighted => false;

    public static bool Scaled => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Step(float accumulator, byte* row, nint column, float weight, float scale) => TCodec.Load(row, column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> StepVector(Vector<float> accumulator, byte* row, nint column, Vector<float> weight, Vector<float> scale) =>
        TCodec.LoadVector(row, column);
}

/// <summary>Sum in the order of the bag: one rounding per row and column, the same at every width.</summary>
internal readonly unsafe struct Sum<TCodec> : IPoolOp
    where TCodec : struct, IRowCodec
{
    public static bool BagOfOne => false;

    public static bool Weighted => false;

    public static bool Scaled => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Step(float accumulator, byte* row, nint column, float weight, float scale) => accumulator + TCodec.Load(row, column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> StepVector(Vector<float> accumulator, byte* row, nint column, Vector<float> weight, Vector<float> scale) =>
        accumulator + TCodec.LoadVector(row, column);
}

/// <summary>Weighted sum: the product rounds, then the addition. A fused multiply-add would depend on the machine.</summary>
internal readonly unsafe struct WeightedSum<TCodec> : IPoolOp
    where TCodec : struct, IRowCodec
{
    public static bool BagOfOne => false;

    public static bool Weighted => true;

    public static bool Scaled => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Step(float accumulator, byte* row, nint column, float weight, float scale) => accumulator + (TCodec.Load(row, column) * weight);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> StepVector(Vector<float> accumulator, byte* row, nint column, Vector<float> weight, Vector<float> scale) =>
        accumulator + (TCodec.LoadVector(row, column) * weight);
}

/// <summary>Weighted sum of rows whose norm is limited: the limited row rounds, then the product, then the addition.</summary>
internal readonly unsafe struct ScaledWeightedSum<TCodec> : IPoolOp
    where TCodec : struct, IRowCodec
{
    public static bool BagOfOne => false;

    public static bool Weighted => true;

    public static bool Scaled => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Step(float accumulator, byte* row, nint column, float weight, float scale) => accumulator + (TCodec.Load(row, column) * scale * weight);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> StepVector(Vector<float> accumulator, byte* row, nint column, Vector<float> weight, Vector<float> scale) =>
        accumulator + (TCodec.LoadVector(row, column) * scale * weight);
}
