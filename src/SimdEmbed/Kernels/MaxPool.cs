using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>
/// The pooling walker for the largest value of each column, which has two results: the value, and the position in the batch that
/// won it.
/// </summary>
internal static unsafe class MaxPool<TIndex, TCodec>
    where TIndex : unmanaged, IBinaryInteger<TIndex>
    where TCodec : struct, IRowCodec
{
    /// <summary>
    /// Writes the largest values of each bag, and the rows that won unless <paramref name="winners"/> is null; zeros and -1 for an
    /// empty bag. Each row is first multiplied by its weight, where there are weights: what limits its norm.
    /// </summary>
    public static void Run(in RowView table, in BagPlan<TIndex> plan, float* output, long* winners)
    {
        nint width = Vector<float>.Count;
        nint dim = table.Dim;
        int* lanes = stackalloc int[Vector<int>.Count];
        for (int bag = 0; bag < plan.Count; bag++)
        {
            int start = plan.Offsets[bag];
            int end = plan.Offsets[bag + 1];
            float* target = output + (bag * plan.OutputStride);
            long* won = winners == null ? null : winners + (bag * plan.OutputStride);
            if (start == end)
            {
                new Span<float>(target, table.Dim).Clear();
                if (won != null) new Span<long>(won, table.Dim).Fill(-1);
                continue;
            }

            if (dim < width)
            {
                for (nint column = 0; column < dim; column++) One(table, plan, start, end, column, target, won);
                continue;
            }

            for (nint done = 0; done < dim; done += width)
            {
                nint column = nint.Min(done, dim - width);
                (Vector<float> largest, Vector<int> position) = Vectors(table, plan, start, end, column);
                Unsafe.WriteUnaligned(target + column, largest);
                if (won == null) continue;
                Unsafe.WriteUnaligned(lanes, position);
                for (int lane = 0; lane < width; lane++) won[column + lane] = long.CreateTruncating(plan.Indices[lanes[lane]]);
            }
        }
    }

    private static (Vector<float> Largest, Vector<int> Position) Vectors(in RowView table, in BagPlan<TIndex> plan, int start, int end, nint column)
    {
        Vector<float> largest = Load(table, plan, start, column);
        Vector<int> position = new(start);
        for (int i = start + 1; i < end; i++)
        {
            // Strictly greater: the first of equals stays, a NaN that is there stays, and a later one never enters. Vector.Max
            // leaves both open.
            Vector<float> value = Load(table, plan, i, column);
            Vector<int> greater = Vector.GreaterThan(value, largest);
            largest = Vector.ConditionalSelect(greater, value, largest);
            position = Vector.ConditionalSelect(greater, new Vector<int>(i), position);
        }

        return (largest, position);
    }

    private static void One(in RowView table, in BagPlan<TIndex> plan, int start, int end, nint column, float* target, long* won)
    {
        int position = start;
        float largest = LoadOne(table, plan, start, column);
        for (int i = start + 1; i < end; i++)
        {
            float value = LoadOne(table, plan, i, column);
            if (!(value > largest)) continue;
            largest = value;
            position = i;
        }

        target[column] = largest;
        if (won != null) won[column] = long.CreateTruncating(plan.Indices[position]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Load(in RowView table, in BagPlan<TIndex> plan, int i, nint column)
    {
        Vector<float> value = TCodec.LoadVector(table.Rows + (nint.CreateTruncating(plan.Indices[i]) * table.Stride), column);
        return plan.Weights == null ? value : value * plan.Weights[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float LoadOne(in RowView table, in BagPlan<TIndex> plan, int i, nint column)
    {
        float value = TCodec.Load(table.Rows + (nint.CreateTruncating(plan.Indices[i]) * table.Stride), column);
        return plan.Weights == null ? value : value * plan.Weights[i];
    }
}
