namespace SimdEmbed.Kernels;

/// <summary>Sorts 64-bit keys by a range of their bits, least significant digit first; equal digits keep their order.</summary>
internal static unsafe class RadixSort
{
    /// <summary>Below this count an insertion sort is faster than clearing and scanning a histogram.</summary>
    private const int InsertionLimit = 48;

    private const int WideDigit = 11;
    private const int NarrowDigit = 8;
    private const int WideLimit = 2048;

    /// <summary>Ints of scratch that <see cref="Sort"/> needs for <paramref name="count"/> keys.</summary>
    public static int HistogramLength(int count) => 1 << DigitBits(count);

    /// <summary>
    /// Sorts <paramref name="keys"/> by bits <paramref name="lowBit"/> to <paramref name="highBit"/> - 1 and returns where the
    /// result is: <paramref name="keys"/> or <paramref name="other"/>.
    /// </summary>
    /// <remarks>Keys that arrive ordered by their bits below <paramref name="lowBit"/> leave ordered by all of them.</remarks>
    public static ulong* Sort(ulong* keys, ulong* other, int count, int lowBit, int highBit, int* histogram)
    {
        if (count <= InsertionLimit)
        {
            Insert(keys, count);
            return keys;
        }

        // Two passes of 11 bits cover two million rows; a small batch is dominated by the histogram, so it takes 8 bits.
        int digitBits = DigitBits(count);
        for (int bit = lowBit; bit < highBit; bit += digitBits)
        {
            Pass(keys, other, count, bit, (1 << int.Min(digitBits, highBit - bit)) - 1, histogram);
            ulong* swap = keys;
            keys = other;
            other = swap;
        }

        return keys;
    }

    private static int DigitBits(int count) => count < WideLimit ? NarrowDigit : WideDigit;

    private static void Pass(ulong* from, ulong* to, int count, int bit, int mask, int* histogram)
    {
        new Span<int>(histogram, mask + 1).Clear();
        for (int i = 0; i < count; i++) histogram[(int)(from[i] >> bit) & mask]++;
        int start = 0;
        for (int digit = 0; digit <= mask; digit++)
        {
            int size = histogram[digit];
            histogram[digit] = start;
            start += size;
        }

        for (int i = 0; i < count; i++)
        {
            ulong key = from[i];
            to[histogram[(int)(key >> bit) & mask]++] = key;
        }
    }

    private static void Insert(ulong* keys, int count)
    {
        for (int i = 1; i < count; i++)
        {
            ulong key = keys[i];
            int hole = i;
            for (; hole > 0 && keys[hole - 1] > key; hole--) keys[hole] = keys[hole - 1];
            keys[hole] = key;
        }
    }
}
