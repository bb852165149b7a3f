using SimdEmbed.Formats;
using Xunit;

namespace SimdEmbed.Tests.Formats;

public sealed class PickleMemoTests
{
    [Fact]
    public void What_was_put_last_into_a_slot_is_found_whatever_the_order_of_the_slots()
    {
        Random random = new(5);
        foreach (uint step in (uint[])[1, 2, 3, 17, 36_353, 1 << 20])
        {
            PickleMemo memo = new();
            Dictionary<uint, PickleValue> expected = [];
            uint[] slots = [.. Enumerable.Range(0, 3000).Select(i => (uint)i * step), .. Enumerable.Range(0, 500).Select(_ => (uint)random.Next(4000))];
            if (step > 2) random.Shuffle(slots);
            foreach (uint slot in slots)
            {
                Assert.Equal(expected.GetValueOrDefault(slot), memo.Find(slot));
                PickleValue value = PickleInteger.Of(random.Next());
                memo.Set(slot, value);
                expected[slot] = value;
                Assert.Equal((uint)expected.Count, memo.Next);
            }

            foreach ((uint slot, PickleValue value) in expected) Assert.Same(value, memo.Find(slot));
        }
    }

    /// <summary>Numbers in a row, as Python writes them, take an array; others a tree, whose time a file cannot make worse.</summary>
    [Fact]
    public void Memory_is_said_for_each_slot_before_it_is_given()
    {
        PickleMemo dense = new(), sparse = new();
        long denseBytes = 0, sparseBytes = 0;
        const int Slots = 5000;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (uint i = 0; i < Slots; i++)
        {
            denseBytes += dense.BytesOf(i);
            dense.Set(i, PickleNone.Instance);
        }

        long between = GC.GetAllocatedBytesForCurrentThread();
        for (uint i = 1; i <= Slots; i++)
        {
            sparseBytes += sparse.BytesOf(i << 16);
            sparse.Set(i << 16, PickleNone.Instance);
        }

        long after = GC.GetAllocatedBytesForCurrentThread();
        const int Room = 2048;
        Assert.InRange(between - before, Slots * 8, denseBytes + Room);
        Assert.InRange(after - between, sparseBytes - (Slots * 16), sparseBytes + Room);
    }
}
