using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>
/// Sums over 16 virtual lanes: element <c>i</c> is added to lane <c>i mod 16</c>, and lanes are then added in the order
/// 8 apart, 4, 2, 1. No width of the machine is in it, so every width gives the same bits.
/// </summary>
internal static unsafe class LaneSum
{
    public const int Lanes = 16;

    /// <summary><c>sum of (x[i] - y[i])^2</c>.</summary>
    public static float SquaredDifferences(float* x, float* y, int count)
    {
        int width = Vector<float>.Count;
        float* lanes = stackalloc float[Lanes];
        new Span<float>(lanes, Lanes).Clear();
        int whole = count & ~(Lanes - 1);
        for (int lane = 0; lane < Lanes; lane += width)
        {
            Vector<float> sum = Vector<float>.Zero;
            for (int i = lane; i < whole; i += Lanes)
            {
                Vector<float> difference = Unsafe.ReadUnaligned<Vector<float>>(x + i) - Unsafe.ReadUnaligned<Vector<float>>(y + i);
                sum += difference * difference;
            }

            Unsafe.WriteUnaligned(lanes + lane, sum);
        }

        for (int i = whole; i < count; i++)
        {
            float difference = x[i] - y[i];
            lanes[i - whole] += difference * difference;
        }

        return Fold(lanes);
    }

    private static float Fold(float* lanes)
    {
        for (int apart = Lanes / 2; apart > 0; apart /= 2)
        {
            for (int lane = 0; lane < apart; lane++) lanes[lane] += lanes[lane + apart];
        }

        return lanes[0];
    }
}
