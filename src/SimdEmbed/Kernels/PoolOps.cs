using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>What pooling does with one vector of one row. An accumulator starts at zero, so that a sum of nothing is +0.0.</summary>
internal unsafe interface IPoolOp
{
    /// <summary>True when every bag holds exactly one index: then no offsets are read.</summary>
    static abstract bool BagOfOne { get; }

    static abstract float Step(float accumulator, byte* row, nint column);

    static abstract Vector<float> StepVector(Vector<float> accumulator, byte* row, nint column);
}

/// <summary>A lookup: the row as it is, so that -0.0 and the payload of a NaN survive.</summary>
internal readonly unsafe struct Copy<TCodec> : IPoolOp
    where TCodec : struct, IRowCodec
{
    public static bool BagOfOne => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Step(float accumulator, byte* row, nint column) => TCodec.Load(row, column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> StepVector(Vector<float> accumulator, byte* row, nint column) => TCodec.LoadVector(row, column);
}

/// <summary>Sum in the order of the bag: one rounding per row and column, the same at every width.</summary>
internal readonly unsafe struct Sum<TCodec> : IPoolOp
    where TCodec : struct, IRowCodec
{
    public static bool BagOfOne => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Step(float accumulator, byte* row, nint column) => accumulator + TCodec.Load(row, column);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> StepVector(Vector<float> accumulator, byte* row, nint column) =>
        accumulator + TCodec.LoadVector(row, column);
}
