namespace SimdEmbed.Kernels;

/// <summary>Sorts 64-bit keys by a range of their bits, least significant digit first; equal digits keep their order.</summary>
internal static unsafe class RadixSort
{
    /// <summary>Up to this count an insertion sort is faster than clearing and scanning a histogram: a gradient of 40 indices by 10 %, one of 64 is 15 % slower.</summary>
    private const int InsertionLimit = 48;

    // Eight bits take a third pass over the keys of two million rows: 8,192 of them made a whole step 1.4 times as long.
    private const int WideDigit = 11;
    private const int NarrowDigit = 8;
    private const int WideLimit = 2048;

    /// <summary>Ints of scratch that <see cref="Sort"/> needs for <paramref name="count"/> keys.</summary>
    public static int HistogramLength(int count) => 2 << LargestDigit(count);

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

        // Two passes of 11 bits cover two million rows; a small batch is dominated by the histogram, so it takes 8 bits. Digits are
        // as even as they can be: two of 10 bits scatter to fewer places than one of 11 and one of 9.
        int bits = highBit - lowBit;
        int largest = LargestDigit(count);
        int passes = (bits + largest - 1) / largest;
        int digit = passes == 0 ? 0 : (bits + passes - 1) / passes;
        for (int bit = lowBit; bit < highBit; bit += 2 * digit)
        {
            // The counts of two digits in one walk over the keys: the order of the keys does not change them.
            int next = bit + digit;
            int mask = MaskOf(bit, highBit, digit);
            int nextMask = MaskOf(next, highBit, digit);
            int* nextHistogram = histogram + mask + 1;
            Count(keys, count, bit, mask, histogram, nextMask, nextHistogram, digit);
            Scatter(keys, other, count, bit, mask, histogram);
            if (nextMask == 0) return other;
            Scatter(other, keys, count, next, nextMask, nextHistogram);
        }

        return keys;
    }

    private static int MaskOf(int bit, int highBit, int digit) => bit >= highBit ? 0 : (1 << int.Min(digit, highBit - bit)) - 1;

    private static void Count(ulong* keys, int count, int bit, int mask, int* histogram, int nextMask, int* nextHistogram, int digit)
    {
        new Span<int>(histogram, mask + nextMask + 2).Clear();
        for (int i = 0; i < count; i++)
        {
            ulong key = keys[i] >> bit;
            histogram[(int)key & mask]++;
            nextHistogram[(int)(key >> digit) & nextMask]++;
        }
    }

    private static int LargestDigit(int count) => count < WideLimit ? NarrowDigit : WideDigit;

    private static void Scatter(ulong* from, ulong* to, int count, int bit, int mask, int* histogram)
    {
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
