using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;

namespace SimdEmbed.Tables;

/// <summary>Rows of bfloat16: the upper half of a single-precision number.</summary>
internal readonly unsafe struct BFloat16 : IHalfCodec
{
    public static int Bits => 16;

    public static int Parts => 1;

    public static bool Affine => false;

    public static nint RowBytes(int dim) => (nint)dim * sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Span(nint dim) => nint.Max(dim, Vector<float>.Count);

    // The load is a whole vector of which half is used: the other half may lie behind the row, in padding.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(byte* row, int k) =>
        Vector.AsVectorSingle(Vector.WidenLower(Unsafe.ReadUnaligned<Vector<ushort>>((ushort*)row + (k * Vector<float>.Count))) << 16);

    public static void Store(float* target, nint dim, nint position, float* values, int count) => Columns.Store(target, dim, position, values, count);

    /// <summary>Nearest, ties to even; NaN becomes the quiet NaN of its sign.</summary>
    public static void Encode(float* values, nint dim, byte* row, float* side)
    {
        ushort* target = (ushort*)row;
        nint i = 0;
        nint width = Vector<float>.Count;
        for (; i <= dim - (2 * width); i += 2 * width)
        {
            Unsafe.WriteUnaligned(
                target + i, Vector.Narrow(Upper(Unsafe.ReadUnaligned<Vector<float>>(values + i)), Upper(Unsafe.ReadUnaligned<Vector<float>>(values + i + width))));
        }

        if (i == dim) return;

        // The rest through a buffer: narrow rows are nothing but rest.
        float* rest = stackalloc float[2 * Vector<float>.Count];
        ushort* narrow = stackalloc ushort[2 * Vector<float>.Count];
        new ReadOnlySpan<float>(values + i, (int)(dim - i)).CopyTo(new Span<float>(rest, (int)(2 * width)));
        Unsafe.WriteUnaligned(narrow, Vector.Narrow(Upper(Unsafe.ReadUnaligned<Vector<float>>(rest)), Upper(Unsafe.ReadUnaligned<Vector<float>>(rest + width))));
        new ReadOnlySpan<ushort>(narrow, (int)(dim - i)).CopyTo(new Span<ushort>(target + i, (int)(dim - i)));
    }

    // A random number below one step of the upper half carries into it as often as the value is above.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Dither(Vector<float> value, Vector<uint> noise)
    {
        Vector<uint> bits = Vector.AsVectorUInt32(value);
        Vector<float> dithered = Vector.AsVectorSingle((bits + (noise >>> 16)) & new Vector<uint>(0xFFFF0000));
        return Vector.ConditionalSelect(Vector.LessThan(Vector.Abs(value), new Vector<float>(float.PositiveInfinity)), dithered, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> Upper(Vector<float> value)
    {
        Vector<uint> bits = Vector.AsVectorUInt32(value);
        Vector<uint> nearest = (bits + new Vector<uint>(0x7FFF) + ((bits >>> 16) & Vector<uint>.One)) >>> 16;
        Vector<uint> quiet = (bits >>> 16) | new Vector<uint>(0x7FC0);
        return Vector.ConditionalSelect(Vector.AsVectorUInt32(Vector.Equals(value, value)), nearest, quiet);
    }
}
