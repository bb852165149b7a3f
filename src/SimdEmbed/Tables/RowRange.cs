using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace SimdEmbed.Tables;

/// <summary>What a row's scale and bias are made from.</summary>
internal static unsafe class RowRange
{
    /// <summary>The smallest and the largest of finite values; 0 and 0 for none.</summary>
    public static (float Low, float High) Of(float* values, nint dim)
    {
        if (dim == 0) return (0, 0);
        nint width = Vector<float>.Count;
        float low = values[0];
        float high = low;
        nint i = 0;
        if (dim >= 2 * width)
        {
            // Native minima and maxima: of finite numbers they differ in the sign of a zero at most.
            Vector<float> lows = Unsafe.ReadUnaligned<Vector<float>>(values), otherLows = Unsafe.ReadUnaligned<Vector<float>>(values + width);
            Vector<float> highs = lows, otherHighs = otherLows;
            for (i = 2 * width; i <= dim - (2 * width); i += 2 * width)
            {
                Vector<float> value = Unsafe.ReadUnaligned<Vector<float>>(values + i), other = Unsafe.ReadUnaligned<Vector<float>>(values + i + width);
                lows = Vector.MinNative(lows, value);
                highs = Vector.MaxNative(highs, value);
                otherLows = Vector.MinNative(otherLows, other);
                otherHighs = Vector.MaxNative(otherHighs, other);
            }

            low = Smallest(Vector.MinNative(lows, otherLows));
            high = -Smallest(-Vector.MaxNative(highs, otherHighs));
        }

        for (; i < dim; i++)
        {
            if (values[i] < low) low = values[i];
            if (values[i] > high) high = values[i];
        }

        // Of zeros of either sign the first met would win, and which that is depends on the width.
        return (low == 0 ? 0f : low, high == 0 ? 0f : high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Smallest(Vector<float> values)
    {
        Vector128<float> four = Vector<float>.Count == 16
            ? Fold(Vector256.MinNative(values.AsVector512().GetLower(), values.AsVector512().GetUpper()))
            : Vector<float>.Count == 8 ? Fold(values.AsVector256()) : values.AsVector128();
        four = Vector128.MinNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MinNative(four, Vector128.Shuffle(four, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Fold(Vector256<float> values) => Vector128.MinNative(values.GetLower(), values.GetUpper());

    /// <summary>
    /// <c>embedding_bag_4bit_prepack</c> and its <c>2bit</c> twin: bias is the smallest value, rounded to half precision first, and
    /// scale the range above it over the largest code, in half precision; 1 where that is 0 or too small to divide by.
    /// </summary>
    public static void EncodeHalf(float* values, nint dim, byte* row, float* side, int parts)
    {
        (float smallest, float high) = Of(values, dim);
        float low = (float)(Half)smallest;
        float range = high - low;
        float scale = range == 0 ? 1f : (float)(Half)(range / ((1 << (32 / parts)) - 1));
        float inverse = 1f / scale;
        if (scale == 0 || float.IsInfinity(inverse)) scale = inverse = 1f;
        PackedCodes.Encode(values, dim, row, low, inverse, parts);
        side[0] = scale;
        side[1] = low;
    }
}
