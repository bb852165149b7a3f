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
}
