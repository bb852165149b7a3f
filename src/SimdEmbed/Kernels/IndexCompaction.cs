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
