using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>The validation pass: reads every index before anything is written.</summary>
internal static unsafe class IndexRange
{
    /// <summary>The position of the first index outside 0 .. <paramref name="rows"/> - 1, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int FirstOutside<TIndex>(TIndex* indices, int length, long rows)
        where TIndex : unmanaged
    {
        // As unsigned numbers, negative indices are larger than any row: one comparison serves both ends.
        return sizeof(TIndex) == sizeof(int)
            ? FirstNotBelow((uint*)indices, length, (uint)long.Min(rows, 1L << 31))
            : FirstNotBelow((ulong*)indices, length, (ulong)rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int FirstNotBelow<T>(T* values, int length, T limit)
        where T : unmanaged, IUnsignedNumber<T>, IComparisonOperators<T, T, bool>
    {
        if (length < Vector<T>.Count)
        {
            for (int i = 0; i < length; i++)
            {
                if (values[i] >= limit) return i;
            }

            return -1;
        }

        return ScanVectors(values, length, limit);
    }

    private static int ScanVectors<T>(T* values, int length, T limit)
        where T : unmanaged, IUnsignedNumber<T>, IComparisonOperators<T, T, bool>
    {
        Vector<T> limits = new(limit);
        int last = length - Vector<T>.Count;
        for (int i = 0; ; i = int.Min(i + Vector<T>.Count, last))
        {
            if (Vector.GreaterThanOrEqualAny(Unsafe.ReadUnaligned<Vector<T>>(values + i), limits))
            {
                while (values[i] < limit) i++;
                return i;
            }

            if (i == last) return -1;
        }
    }
}
