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

    /// <summary>
    /// <c>output[i] = sum over j of table[indices[i], j] * bags[b, j]</c> for each index <c>i</c> of each bag <c>b</c>, times the
    /// plan's scale of the index where there is one. Rows that are no floats are decoded into <paramref name="scratch"/>, <c>Dim</c> floats.
    /// </summary>
    public static void RunBags<TCodec>(in RowView table, in BagPlan<TIndex> plan, in RowView bags, float* scratch, float* output)
        where TCodec : struct, IRowCodec
    {
        for (int bag = 0; bag < plan.Count; bag++)
        {
            float* right = Row(bags, null, bag);
            for (int i = plan.Offsets[bag]; i < plan.Offsets[bag + 1]; i++)
            {
                float* left = Row(table, plan.Indices, i);
                if (TCodec.Bits != 32)
                {
                    Gather<TIndex, TCodec>.Row((byte*)left, null, table.Dim, scratch);
                    left = scratch;
                }

                float dot = LaneReduce<DotOp>.Run(left, right, table.Dim, default);
                output[i] = plan.Scales == null ? dot : dot * plan.Scales[i];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Row(in RowView rows, TIndex* indices, int i) =>
        (float*)(rows.Rows + ((indices == null ? i : nint.CreateTruncating(indices[i])) * rows.Stride));
}
