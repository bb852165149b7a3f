using System.Numerics;

namespace SimdEmbed.Proofs;

/// <summary>Lookups and bags to time. Each call takes the next part of a list of indices, so that rows are not cached by repetition.</summary>
internal static class TimedCalls
{
    /// <param name="table">What is looked up in.</param>
    /// <param name="list">The indices of the calls, one after the other and then again; a whole number of batches.</param>
    /// <param name="count">Indices of a call.</param>
    /// <param name="output">At least <c>[count, dim]</c>; those that are compared write to the same memory.</param>
    public static Timed Lookup<TIndex>(EmbeddingTable table, TIndex[] list, int count, float[] output)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Embedding embedding = new(table, leaveOpen: true);
        int length = count * table.Dim;
        int next = 0;
        return new Timed(
            calls =>
            {
                for (int call = 0; call < calls; call++)
                {
                    embedding.Forward<TIndex>(list.AsSpan(next, count), output.AsSpan(0, length));
                    next = (next + count) % list.Length;
                }
            },
            count);
    }

    /// <param name="table">What is pooled.</param>
    /// <param name="style">How.</param>
    /// <param name="list">As of a lookup.</param>
    /// <param name="count">Indices of a call.</param>
    /// <param name="bagLength">Indices of a bag; a divisor of <paramref name="count"/>.</param>
    public static Timed Pool<TIndex>(EmbeddingTable table, PoolingStyle style, TIndex[] list, int count, int bagLength)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        EmbeddingBag bag = new(table, style.Pooling, leaveOpen: true);
        float[] output = new float[count / bagLength * table.Dim];
        long[] winners = new long[style.Winners ? output.Length : 0];
        float[] weights = [.. Enumerable.Range(0, style.Weighted ? count : 0).Select(i => 0.5f + (i % 7))];
        int next = 0;
        return new Timed(
            calls =>
            {
                for (int call = 0; call < calls; call++)
                {
                    Bags<TIndex> bags = Bags<TIndex>.FixedLength(list.AsSpan(next, count), bagLength);
                    bag.Forward(style.Weighted ? bags.WithWeights(weights) : bags, output, winners);
                    next = (next + count) % list.Length;
                }
            },
            count);
    }

    /// <summary>Uniform rows. Two calls over one table that are compared take lists of different seeds: the second would find the first one's rows in the caches.</summary>
    public static TIndex[] Uniform<TIndex>(int length, long rows, int seed = 1)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Random random = new(seed);
        TIndex[] list = new TIndex[length];
        for (int i = 0; i < length; i++) list[i] = TIndex.CreateChecked(random.NextInt64(rows));
        return list;
    }

    /// <summary>Calls of all widths and poolings over ints, so that those that are timed are compiled for good; see <see cref="Timed.Settled"/>.</summary>
    public static void WarmUp()
    {
        int[] dims = [9, 15, 16, 24, 31, 32, 48, 64, 100, 128, 200, 255, 256, 400, 512, 777, 1024];
        const int Count = 256;
        const int Rows = 200;
        int[] list = Uniform<int>(Count, Rows);
        float[] output = new float[Count * 1024];
        for (int round = 0; round < 5; round++)
        {
            foreach (int dim in dims)
            {
                using EmbeddingTable table = new(Rows, dim);
                _ = Lookup(table, list, Count, output).Sample(40);
                foreach (PoolingStyle style in PoolingStyle.All) _ = Pool(table, style, list, Count, 32).Sample(40);
            }

            Thread.Sleep(200);
        }
    }
}

/// <summary>A pooling as a caller asks for it, and what it may cost.</summary>
/// <param name="Name">The name in results.</param>
/// <param name="Pooling">The mode.</param>
/// <param name="Weighted">Whether there are per-sample weights.</param>
/// <param name="Winners">Whether the rows that won are asked for.</param>
/// <param name="Limit">How many times a sum's time it may take, where the table is larger than the caches.</param>
internal sealed record PoolingStyle(string Name, Pooling Pooling, bool Weighted, bool Winners, double Limit)
{
    public static PoolingStyle Sum { get; } = new("sum", Pooling.Sum, false, false, 1);

    public static PoolingStyle[] All { get; } =
    [
        Sum,
        new("weighted sum", Pooling.Sum, true, false, 1.15),
        new("mean", Pooling.Mean, false, false, 1.15),
        new("sqrt-n", Pooling.SqrtN, false, false, 1.15),
        new("max", Pooling.Max, false, false, 1.15),
        new("max with winners", Pooling.Max, false, true, 1.6),
    ];
}
