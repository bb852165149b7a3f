using System.Numerics;

namespace SimdEmbed.Kernels;

/// <summary>Pre-passes over a batch that has unknown indices: the row loop itself never branches.</summary>
internal static unsafe class IndexCompaction
{
    /// <summary>Copies the indices that are rows, and their positions; returns how many.</summary>
    public static int Keep<TIndex>(TIndex* indices, int length, long rows, TIndex* kept, long* positions)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int count = 0;
        for (int i = 0; i < length; i++)
        {
            // Written always and counted only when kept: no branch to mispredict.
            kept[count] = indices[i];
            positions[count] = i;
            count += ulong.CreateTruncating(indices[i]) < (ulong)rows ? 1 : 0;
        }

        return count;
    }

    /// <summary>
    /// Copies the bags without the indices that are no rows or are <paramref name="skipped"/>, with the weights (unless null) and
    /// the positions of those that stay; returns how many were no rows.
    /// </summary>
    public static int KeepInBags<TIndex>(in BagPlan<TIndex> bags, long rows, long skipped, in BagPlan<TIndex> kept, int* positions)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int count = 0;
        int unknown = 0;
        for (int bag = 0; bag < bags.Count; bag++)
        {
            kept.Offsets[bag] = count;
            for (int i = bags.Offsets[bag]; i < bags.Offsets[bag + 1]; i++)
            {
                ulong row = ulong.CreateTruncating(bags.Indices[i]);
                kept.Indices[count] = bags.Indices[i];
                if (bags.Weights != null) kept.Weights[count] = bags.Weights[i];
                positions[count] = i;
                unknown += row < (ulong)rows ? 0 : 1;
                count += row < (ulong)rows && row != (ulong)skipped ? 1 : 0;
            }
        }

        kept.Offsets[bags.Count] = count;
        return unknown;
    }

    /// <summary>Copies the indices with <paramref name="replacement"/> for those that are no rows; returns how many were replaced.</summary>
    public static int Replace<TIndex>(TIndex* indices, int length, long rows, long replacement, TIndex* replaced)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int count = 0;
        for (int i = 0; i < length; i++)
        {
            bool known = ulong.CreateTruncating(indices[i]) < (ulong)rows;
            replaced[i] = known ? indices[i] : TIndex.CreateTruncating(replacement);
            count += known ? 0 : 1;
        }

        return count;
    }

    /// <summary>Zeroes the rows of <paramref name="output"/> whose index is no row.</summary>
    public static void ClearUnknown<TIndex>(TIndex* indices, int length, long rows, float* output, int dim)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        for (int i = 0; i < length; i++)
        {
            if (ulong.CreateTruncating(indices[i]) >= (ulong)rows) new Span<float>(output + ((nint)i * dim), dim).Clear();
        }
    }
}
