using SimdEmbed.Kernels;
using Xunit;

namespace SimdEmbed.Tests.Kernels;

public sealed unsafe class RadixSortTests
{
    [Theory]
    [InlineData(0, 10)]
    [InlineData(1, 10)]
    [InlineData(48, 20)]
    [InlineData(49, 3)]
    [InlineData(300, 20)]
    [InlineData(2047, 21)]
    [InlineData(2048, 21)]
    [InlineData(20_000, 33)]
    [InlineData(5_000, 0)]
    public void Keys_leave_in_order(int count, int rowBits)
    {
        const int PositionBits = 15;
        Random random = new(count);
        ulong[] keys = new ulong[count];
        for (int i = 0; i < count; i++) keys[i] = ((ulong)random.NextInt64(1L << rowBits) << PositionBits) | (uint)i;
        ulong[] expected = [.. keys.Order()];
        ulong[] other = new ulong[count];
        int[] histogram = new int[RadixSort.HistogramLength(count)];
        fixed (ulong* k = keys)
        fixed (ulong* o = other)
        fixed (int* h = histogram)
        {
            ulong* sorted = RadixSort.Sort(k, o, count, PositionBits, PositionBits + rowBits, h);
            Assert.Equal(expected, new Span<ulong>(sorted, count).ToArray());
        }
    }

    [Fact]
    public void Merged_rows_are_distinct_and_know_where_they_went()
    {
        Random random = new(5);
        for (int round = 0; round < 2000; round++)
        {
            long[] left = [.. Enumerable.Range(0, 40).Select(_ => (long)random.Next(60)).Take(random.Next(40)).Distinct().Order()];
            long[] right = [.. Enumerable.Range(0, 40).Select(_ => (long)random.Next(60)).Take(random.Next(40)).Distinct().Order()];
            long[] rows = new long[left.Length + right.Length];
            left.CopyTo(rows, 0);
            long[] leftSlots = new long[left.Length], rightSlots = new long[right.Length];
            fixed (long* r = rows)
            fixed (long* a = right)
            fixed (long* ls = leftSlots)
            fixed (long* rs = rightSlots)
            {
                int count = SortedRows.Merge(r, left.Length, a, right.Length, ls, rs);
                Assert.Equal(left.Union(right).Order(), rows.Take(count));
            }

            for (int i = 0; i < left.Length; i++) Assert.Equal(left[i], rows[leftSlots[i]]);
            for (int i = 0; i < right.Length; i++) Assert.Equal(right[i], rows[rightSlots[i]]);
        }
    }
}
