using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>The gather-dot walker: pairs of rows, each looked up where it lies, multiplied and summed over 16 fixed lanes.</summary>
internal static unsafe class Dot<TIndex>
    where TIndex : unmanaged, IBinaryInteger<TIndex>
{
    /// <summary>
    /// <c>output[i] = sum over j of left[leftIndices[i], j] * right[rightIndices[i], j]</c> for <paramref name="count"/> pairs;
    /// without indices, rows one after the other.
    /// </summary>
    public static void Run(in RowView left, TIndex* leftIndices, in RowView right, TIndex* rightIndices, int count, float* output)
    {
        for (int i = 0; i < count; i++)
        {
            output[i] = LaneReduce<DotOp>.Run(Row(left, leftIndices, i), Row(right, rightIndices, i), left.Dim, default);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Row(in RowView rows, TIndex* indices, int i) =>
        (float*)(rows.Rows + ((indices == null ? i : nint.CreateTruncating(indices[i])) * rows.Stride));
}
