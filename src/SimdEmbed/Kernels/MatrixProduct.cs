using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>Products of small row-major matrices. Each output element is a sum from +0.0 in ascending order of its index.</summary>
internal static unsafe class MatrixProduct
{
    /// <summary><c>c[i, j] = sum over k of a[i * aRow + k * aColumn] * b[k * m + j]</c>; <c>c</c> is <c>[n, m]</c>.</summary>
    /// <remarks>The strides of <paramref name="a"/> serve <c>a</c> and its transpose.</remarks>
    public static void Multiply(float* a, nint aRow, nint aColumn, float* b, float* c, nint n, nint kCount, nint m)
    {
        nint width = Vector<float>.Count;
        for (nint i = 0; i < n; i++)
        {
            float* left = a + (i * aRow);
            float* target = c + (i * m);
            nint j = 0;
            for (; j <= m - width; j += width)
            {
                Vector<float> sum = Vector<float>.Zero;
                for (nint k = 0; k < kCount; k++)
                {
                    sum += Unsafe.ReadUnaligned<Vector<float>>(b + (k * m) + j) * left[k * aColumn];
                }

                Unsafe.WriteUnaligned(target + j, sum);
            }

            for (; j < m; j++)
            {
                float sum = 0;
                for (nint k = 0; k < kCount; k++) sum += b[(k * m) + j] * left[k * aColumn];
                target[j] = sum;
            }
        }
    }

    /// <summary><c>c[i, k] = sum over j of a[i * m + j] * b[k * m + j]</c>: a product with a transposed right side.</summary>
    public static void MultiplyTransposed(float* a, float* b, float* c, nint n, nint kCount, nint m)
    {
        for (nint i = 0; i < n; i++)
        {
            for (nint k = 0; k < kCount; k++)
            {
                float sum = 0;
                for (nint j = 0; j < m; j++) sum += a[(i * m) + j] * b[(k * m) + j];
                c[(i * kCount) + k] = sum;
            }
        }
    }
}
