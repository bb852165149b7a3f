using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;

namespace SimdEmbed.Tables;

/// <summary>Rows of IEEE 754 half precision.</summary>
internal readonly unsafe struct Float16 : IHalfCodec
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
        Widen(Vector.WidenLower(Unsafe.ReadUnaligned<Vector<short>>((short*)row + (k * Vector<float>.Count))));

    public static void Store(float* target, nint dim, nint position, float* values, int count) => Columns.Store(target, dim, position, values, count);

    /// <summary>Nearest, ties to even; NaN stays NaN, beyond the range is infinity.</summary>
    public static void Encode(float* values, nint dim, byte* row, float* side) =>
        TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(values, (int)dim), new Span<Half>(row, (int)dim));

    // The value in steps of the halves around it, 2^-10 of its power of two but 2^-24 at least: exact, and so is what is above the floor.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Dither(Vector<float> value, Vector<uint> noise)
    {
        Vector<float> power = Vector.AsVectorSingle(Vector.AsVectorUInt32(value) & new Vector<uint>(0x7F800000));
        Vector<float> least = new(1f / 16384);
        Vector<float> step = Vector.ConditionalSelect(Vector.LessThan(power, least), least, power) * new Vector<float>(1f / 1024);
        Vector<float> steps = value / step;
        Vector<float> floor = Vector.Floor(steps);
        Vector<float> chance = Vector.ConvertToSingle(Vector.AsVectorInt32(noise >>> 8)) * new Vector<float>(1f / (1 << 24));
        Vector<int> up = Vector.GreaterThan(steps - floor, chance);
        Vector<float> dithered = Vector.ConditionalSelect(up, floor + Vector<float>.One, floor) * step;
        return Vector.ConditionalSelect(Vector.LessThan(Vector.Abs(value), new Vector<float>(65536f)), dithered, value);
    }

    /// <summary>
    /// Exact for every half, given with its sign extended: moved into a float's places, the exponent is 112 too small, and the product
    /// with 2^112 repairs that for subnormals too. What then is 2^16 or more was infinite or NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Widen(Vector<int> half)
    {
        Vector<float> value = Vector.AsVectorSingle((half << 13) & new Vector<int>(unchecked((int)0x8FFFE000))) * new Vector<float>(5.192296858534828e33f);
        Vector<int> special = Vector.GreaterThanOrEqual(Vector.Abs(value), new Vector<float>(65536f)) & new Vector<int>(0x7F800000);
        return Vector.AsVectorSingle(Vector.AsVectorInt32(value) | special);
    }
}
