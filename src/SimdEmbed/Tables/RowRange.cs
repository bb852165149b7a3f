using System.Numerics;
using System.Runtime.CompilerServices;

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
        if (dim >= width)
        {
            Vector<float> lows = Unsafe.ReadUnaligned<Vector<float>>(values);
            Vector<float> highs = lows;
            for (; i <= dim - width; i += width)
            {
                Vector<float> value = Unsafe.ReadUnaligned<Vector<float>>(values + i);
                lows = Vector.ConditionalSelect(Vector.LessThan(value, lows), value, lows);
                highs = Vector.ConditionalSelect(Vector.GreaterThan(value, highs), value, highs);
            }

            for (int lane = 0; lane < width; lane++)
            {
                if (lows[lane] < low) low = lows[lane];
                if (highs[lane] > high) high = highs[lane];
            }
        }

        for (; i < dim; i++)
        {
            if (values[i] < low) low = values[i];
            if (values[i] > high) high = values[i];
        }

        // Of zeros of either sign the first met would win, and which that is depends on the width.
        return (low == 0 ? 0f : low, high);
    }

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

    /// <summary>The first column that is not finite, or -1.</summary>
    public static nint FirstNotFinite(float* values, nint dim)
    {
        Vector<float> limit = new(float.PositiveInfinity);
        nint i = 0;
        for (; i <= dim - Vector<float>.Count; i += Vector<float>.Count)
        {
            if (!Vector.LessThanAll(Vector.Abs(Unsafe.ReadUnaligned<Vector<float>>(values + i)), limit)) break;
        }

        for (; i < dim; i++)
        {
            if (!float.IsFinite(values[i])) return i;
        }

        return -1;
    }
}
