using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;

namespace SimdEmbed.Tables;

/// <summary>Rows of 2-bit codes with a scale and a bias for each row: <c>code * scale + bias</c>.</summary>
internal readonly unsafe struct Int2 : IRowCodec
{
    public static int Bits => 2;

    public static int Parts => 16;

    public static bool Affine => true;

    public static nint RowBytes(int dim) => PackedCodes.Words(dim, Parts) * sizeof(uint);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Span(nint dim) => PackedCodes.Span(dim, Parts);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(byte* row, int k) => PackedCodes.Load(row, k, Parts);

    public static void Store(float* target, nint dim, nint position, float* values, int count) => PackedCodes.Store(target, dim, position, values, count, Parts);

    public static void Encode(float* values, nint dim, byte* row, float* side) => RowRange.EncodeHalf(values, dim, row, side, Parts);
}
