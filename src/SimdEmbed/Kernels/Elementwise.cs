using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>Loops over spans of equal length whose elements do not depend on each other.</summary>
internal static unsafe class Elementwise
{
    /// <summary><c>destination[i] = (x[i] - y[i]) * scale</c>; the destination overlaps no input.</summary>
    public static void ScaledDifference(float* x, float* y, float scale, float* destination, int count)
    {
        int i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> difference = Unsafe.ReadUnaligned<Vector<float>>(x + i) - Unsafe.ReadUnaligned<Vector<float>>(y + i);
            Unsafe.WriteUnaligned(destination + i, difference * scale);
        }

        for (; i < count; i++) destination[i] = (x[i] - y[i]) * scale;
    }
}
