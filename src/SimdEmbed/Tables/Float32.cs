using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;

namespace SimdEmbed.Tables;

/// <summary>Rows of IEEE 754 single precision.</summary>
internal readonly unsafe struct Float32 : IRowCodec
{
    public static int Bits => 32;

    public static int Parts => 1;

    public static bool Affine => false;

    public static nint RowBytes(int dim) => (nint)dim * sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Span(nint dim) => nint.Max(dim, Vector<float>.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(byte* row, int k) => Unsafe.ReadUnaligned<Vector<float>>((float*)row + (k * Vector<float>.Count));

    public static void Store(float* target, nint dim, nint position, float* values, int count) => Columns.Store(target, dim, position, values, count);

    public static void Encode(float* values, nint dim, byte* row, float* side) => Buffer.MemoryCopy(values, row, dim * sizeof(float), dim * sizeof(float));
}
