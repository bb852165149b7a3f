using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>Loops over spans of equal length whose elements do not depend on each other.</summary>
internal static unsafe class Elementwise
{
    /// <summary><c>destination[i] = (x[i] - y[i]) * scale</c>; the destination overlaps no input.</summary>
    public static void ScaledDifference(float* x, float* y, float scale, float* destination, nint count)
    {
        nint i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> difference = Unsafe.ReadUnaligned<Vector<float>>(x + i) - Unsafe.ReadUnaligned<Vector<float>>(y + i);
            Unsafe.WriteUnaligned(destination + i, difference * scale);
        }

        for (; i < count; i++) destination[i] = (x[i] - y[i]) * scale;
    }

    /// <summary><c>values[i] = values[i] * scale</c>.</summary>
    public static void Scale(float* values, float scale, nint count)
    {
        nint i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            Unsafe.WriteUnaligned(values + i, Unsafe.ReadUnaligned<Vector<float>>(values + i) * scale);
        }

        for (; i < count; i++) values[i] *= scale;
    }

    /// <summary><c>values[i] = values[i] / divisor</c>: a division, because PyTorch's mean divides.</summary>
    public static void Divide(float* values, float divisor, nint count)
    {
        Vector<float> divisors = new(divisor);
        nint i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            Unsafe.WriteUnaligned(values + i, Unsafe.ReadUnaligned<Vector<float>>(values + i) / divisors);
        }

        for (; i < count; i++) values[i] /= divisor;
    }

    /// <summary>Puts each value between <c>-limit</c> and <c>limit</c>; a NaN stays.</summary>
    public static void Clamp(float* values, float limit, nint count)
    {
        Vector<float> high = new(limit);
        Vector<float> low = new(-limit);
        nint i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            // Comparisons rather than Min and Max, which may drop a NaN.
            Vector<float> x = Unsafe.ReadUnaligned<Vector<float>>(values + i);
            x = Vector.ConditionalSelect(Vector.GreaterThan(x, high), high, x);
            Unsafe.WriteUnaligned(values + i, Vector.ConditionalSelect(Vector.LessThan(x, low), low, x));
        }

        for (; i < count; i++)
        {
            float x = values[i] > limit ? limit : values[i];
            values[i] = x < -limit ? -limit : x;
        }
    }

    /// <summary>The place of the first NaN or infinity, or -1.</summary>
    public static nint FirstNonFinite(float* values, nint count)
    {
        // As integers without a sign, infinity and NaN are the largest.
        Vector<int> magnitude = new(0x7FFF_FFFF);
        Vector<int> limit = new(0x7F7F_FFFF);
        nint i = 0;
        for (; i <= count - Vector<int>.Count; i += Vector<int>.Count)
        {
            if (Vector.GreaterThanAny(Unsafe.ReadUnaligned<Vector<int>>(values + i) & magnitude, limit)) break;
        }

        for (; i < count; i++)
        {
            if (!float.IsFinite(values[i])) return i;
        }

        return -1;
    }
}
