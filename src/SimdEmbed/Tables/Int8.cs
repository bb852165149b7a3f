using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;

namespace SimdEmbed.Tables;

/// <summary>Rows of 8-bit codes with a scale and a bias for each row: <c>code * scale + bias</c>.</summary>
internal readonly unsafe struct Int8 : IRowCodec
{
    public static int Bits => 8;

    public static int Parts => 4;

    public static bool Affine => true;

    public static nint RowBytes(int dim) => PackedCodes.Words(dim, Parts) * sizeof(uint);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Span(nint dim) => PackedCodes.Span(dim, Parts);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(byte* row, int k) => PackedCodes.Load(row, k, Parts);

    public static void Store(float* target, nint dim, nint position, float* values, int count) => PackedCodes.Store(target, dim, position, values, count, Parts);

    /// <summary><c>embedding_bag_byte_prepack</c>: scale is the range / 255 and bias the smallest value.</summary>
    public static void Encode(float* values, nint dim, byte* row, float* side)
    {
        (float low, float high) = RowRange.Of(values, dim);
        float range = high - low;
        PackedCodes.Encode(values, dim, row, low, 255f / (range + 1e-8f), Parts);
        side[0] = range / 255f;
        side[1] = low;
    }
}
