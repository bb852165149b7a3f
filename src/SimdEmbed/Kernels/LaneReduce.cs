using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>What a reduction does with one element, or one vector of elements, of two inputs; norms read the first alone.</summary>
internal interface ILaneOp
{
    /// <summary>What a lane holds before its first element, and stays where it has none.</summary>
    float Start { get; }

    float Step(float lane, float x, float y);

    Vector<float> Step(Vector<float> lane, Vector<float> x, Vector<float> y);

    /// <summary>Joins two lanes.</summary>
    float Merge(float left, float right);
}

/// <summary>
/// Reduces over 16 virtual lanes: element <c>i</c> goes to lane <c>i mod 16</c>, and lanes are then joined 8 apart, 4, 2 and 1.
/// No width of the machine is in it, so every width gives the same bits.
/// </summary>
internal static unsafe class LaneReduce<TOp>
    where TOp : struct, ILaneOp
{
    private const int Lanes = 16;

    /// <summary>The reduction of <paramref name="count"/> elements of <paramref name="x"/> and <paramref name="y"/>.</summary>
    public static float Run(float* x, float* y, nint count, TOp op)
    {
        int width = Vector<float>.Count;
        float* lanes = stackalloc float[Lanes];
        nint whole = count & ~(nint)(Lanes - 1);
        for (int lane = 0; lane < Lanes; lane += width)
        {
            Vector<float> accumulator = new(op.Start);
            for (nint i = lane; i < whole; i += Lanes)
            {
                accumulator = op.Step(
                    accumulator, Unsafe.ReadUnaligned<Vector<float>>(x + i), Unsafe.ReadUnaligned<Vector<float>>(y + i));
            }

            Unsafe.WriteUnaligned(lanes + lane, accumulator);
        }

        for (nint i = whole; i < count; i++) lanes[i - whole] = op.Step(lanes[i - whole], x[i], y[i]);
        for (int apart = Lanes / 2; apart > 0; apart /= 2)
        {
            for (int lane = 0; lane < apart; lane++) lanes[lane] = op.Merge(lanes[lane], lanes[lane + apart]);
        }

        return lanes[0];
    }
}
