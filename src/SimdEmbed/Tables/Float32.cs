using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;

namespace SimdEmbed.Tables;

/// <summary>Rows of IEEE 754 single precision.</summary>
internal readonly unsafe struct Float32 : IRowCodec
{
    public static nint RowBytes(int dim) => (nint)dim * sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(byte* row, nint column) => ((float*)row)[column];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> LoadVector(byte* row, nint column) => Unsafe.ReadUnaligned<Vector<float>>((float*)row + column);
}
