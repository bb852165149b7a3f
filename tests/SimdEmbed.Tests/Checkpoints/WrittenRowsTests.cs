using SimdEmbed.Tables;
using Xunit;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>The marks on written rows against a set of rows.</summary>
public sealed class WrittenRowsTests
{
    [Fact]
    public void Marked_rows_are_found_in_order()
    {
        Random random = new(1);
        foreach (long rows in (long[])[0, 1, 2, 63, 64, 65, 127, 128, 1000, 4097])
        {
            using WrittenRows written = new(rows);
            Assert.Equal(rows, written.Count);
            written.Restart("a");
            Assert.Equal((0L, "a"), (written.Count, written.Since));
            SortedSet<long> expected = [];
            for (int i = 0; i < rows / 3; i++)
            {
                long row = random.NextInt64(rows);
                written.Mark(row);
                expected.Add(row);
            }

            Assert.Equal(expected, All(written, rows));
            Assert.Equal(expected.Count, written.Count);
            written.MarkAll();
            Assert.Equal(rows, All(written, rows).Count);
        }
    }

    [Fact]
    public void Rows_of_a_very_large_table_share_a_mark()
    {
        Random random = new(1);
        foreach (long rows in (long[])[101, 128, 129, 1000, 1023, 4096])
        {
            using WrittenRows written = new(rows, mostBits: 100);
            Assert.Equal(rows, written.Count);
            Assert.Equal(rows, All(written, rows).Count);
            written.Restart(null);
            long[] marked = [random.NextInt64(rows), rows - 1];
            foreach (long row in marked) written.Mark(row);
            List<long> found = All(written, rows);
            Assert.Superset(marked.ToHashSet(), found.ToHashSet());
            Assert.Equal(found.Count, written.Count);
            Assert.True(found.Count < 130 && found[^1] == rows - 1);
        }
    }

    private static List<long> All(WrittenRows written, long rows)
    {
        List<long> found = [];
        for (long row = written.Next(0); row < rows; row = written.Next(row + 1)) found.Add(row);
        return found;
    }
}
