using System.CommandLine;
using System.Diagnostics;
using System.Numerics;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>cliffs PART</c>: no width, pooling, index type, batch or table costs much more per row than its neighbours, which are timed in turn with it.
/// </summary>
internal static class CliffsProof
{
    private const int SmallTable = 256 << 10;
    private const int LargeTable = 128 << 20;
    private const double WidthLimit = 1.4;
    private const double TypeLimit = 1.25;
    private const double WinnersLimit = 1.6;
    private const double NeighbourLimit = 1.5;

    /// <summary>Batches that calls of one pooling take in turn.</summary>
    private const int Rotation = 8;

    /// <summary>Indices of a list that calls take their batches from, in turn.</summary>
    private const int ListLength = 1 << 20;

    private static readonly string[] s_parts = ["dims", "cold-dims", "poolings", "batches", "sizes"];

    public static Command Create()
    {
        Argument<string> part = new("part") { Description = string.Join(", ", s_parts) };
        part.AcceptOnlyFromAmong(s_parts);
        Option<int> from = new("--from") { DefaultValueFactory = _ => 9, Description = "the first of the widths" };
        Option<int> to = new("--to") { DefaultValueFactory = _ => 1024, Description = "the last of the widths" };
        Option<int> megabytes = new("--megabytes") { DefaultValueFactory = _ => 8192, Description = "the largest of the tables" };
        Option<bool> results = new("--results") { Description = "write the figures to tests/results/cliffs.md" };
        Command command = new("cliffs", "Time per row of widths, poolings, index types, batches and table sizes beside their neighbours'.") { part, from, to, megabytes, results };
        command.SetAction(call =>
        {
            string name = call.GetValue(part)!;
            Stopwatch clock = Stopwatch.StartNew();
            TimedCalls.WarmUp();
            List<string> more = [];
            (RatioList[] lists, string range) = name switch
            {
                "dims" => Widths(SmallTable, call.GetValue(from), call.GetValue(to)),
                "cold-dims" => Widths(LargeTable, call.GetValue(from), call.GetValue(to)),
                "poolings" => Poolings(),
                "batches" => Batches(),
                _ => Sizes((long)call.GetValue(megabytes) << 20, more),
            };
            int above = lists.Sum(list => list.Above);
            bool passed = above == 0 && more.TrueForAll(line => !line.StartsWith("FAILED", StringComparison.Ordinal));
            string last = $"cliffs {name}{range}: {lists.Sum(list => list.Count)} compared, {above} above their limit, {(passed ? "passed" : "failed")}, {clock.Elapsed.TotalSeconds:F0} s";
            ResultFile.Report("cliffs", $"cliffs {name}{range}", [.. more, .. lists.SelectMany(list => list.Lines()), last], call.GetValue(results));
            return passed && lists.All(list => list.Count > 0) ? 0 : 1;
        });
        return command;
    }

    /// <summary>Each width beside the next multiple of 8, over as many rows and the same indices.</summary>
    private static (RatioList[] Lists, string Range) Widths(int bytes, int from, int to)
    {
        RatioList lookups = new($"lookup, table of {bytes >> 10} KiB", WidthLimit);
        RatioList sums = new($"sum, table of {bytes >> 10} KiB", WidthLimit);
        for (int whole = 16; whole <= 1024; whole += 8)
        {
            int rows = bytes / (whole * sizeof(float));

            // A small table's output stays in the second cache with it.
            int count = bytes == SmallTable ? int.Clamp(SmallTable / sizeof(float) / whole / 32 * 32, 64, 4096) : 1024;
            int[] list = TimedCalls.Uniform<int>(bytes == SmallTable ? count : 64 * count, rows);
            float[] output = new float[count * whole];
            using EmbeddingTable wholeTable = new(rows, whole);
            Timed wholeLookup = TimedCalls.Lookup(wholeTable, list, count, output);
            Timed wholeSum = TimedCalls.Pool(wholeTable, PoolingStyle.Sum, list, count, 32);
            for (int dim = int.Max(from, whole - 7); dim < whole && dim <= to; dim++)
            {
                using EmbeddingTable table = new(rows, dim);
                lookups.Add($"{dim} columns", TimedCalls.Lookup(table, list, count, output), wholeLookup);
                sums.Add($"{dim} columns", TimedCalls.Pool(table, PoolingStyle.Sum, list, count, 32), wholeSum);
            }
        }

        return ([lookups, sums], from == 9 && to == 1024 ? "" : $" --from {from} --to {to}");
    }

    /// <summary>Each index type beside int in the same pooling, and each pooling beside sum, over tables that the type can count.</summary>
    private static (RatioList[] Lists, string Range) Poolings()
    {
        RatioList types = new("index types beside the best of their pooling", TypeLimit);
        RatioList poolings = new("poolings beside sum", TypeLimit);
        RatioList winners = new("max with winners beside sum", WinnersLimit);
        foreach (int rows in (int[])[200, 50_000, 1_000_000])
        {
            using EmbeddingTable table = new(rows, 64);
            Timed sum = Of<int>(PoolingStyle.Sum);
            foreach (PoolingStyle style in PoolingStyle.All)
            {
                Timed of = Of<int>(style);
                if (style != PoolingStyle.Sum) (style.Winners ? winners : poolings).Add($"{style.Name}, {rows} rows", SideBySide.Compare(of, sum, style.Winners ? WinnersLimit : TypeLimit, Rotation));
                List<(string Name, TimeRatio Ratio)> ratios = [("int", new TimeRatio(1, 1, 1)), ("long", Beside(Of<long>(style))), ("uint", Beside(Of<uint>(style)))];
                if (rows <= ushort.MaxValue) ratios.Add(("ushort", Beside(Of<ushort>(style))));
                if (rows <= byte.MaxValue) ratios.Add(("byte", Beside(Of<byte>(style))));
                double best = ratios.Min(one => one.Ratio.Times);
                foreach ((string type, TimeRatio ratio) in ratios) types.Add($"{style.Name} of {type}, {rows} rows", ratio with { Times = ratio.Times / best });

                TimeRatio Beside(Timed type) => SideBySide.Compare(type, of, TypeLimit, Rotation);
            }

            Timed Of<TIndex>(PoolingStyle style)
                where TIndex : unmanaged, IBinaryInteger<TIndex> =>
                TimedCalls.Pool(table, style, TimedCalls.Uniform<TIndex>(Rotation * 51_200, rows), 51_200, 100).Settled();
        }

        return ([types, poolings, winners], "");
    }

    /// <summary>Each batch beside one of half its length.</summary>
    private static (RatioList[] Lists, string Range) Batches()
    {
        const int Dim = 64;
        List<RatioList> lists = [];
        float[] output = new float[ListLength * Dim];
        foreach (int rows in (int[])[SmallTable / sizeof(float) / Dim, 4 * LargeTable / sizeof(float) / Dim])
        {
            using EmbeddingTable table = new(rows, Dim);
            int[] list = TimedCalls.Uniform<int>(ListLength, rows);
            int[] halfList = TimedCalls.Uniform<int>(ListLength, rows, seed: 2);
            string size = $"table of {(long)rows * Dim * sizeof(float) >> 10} KiB";
            RatioList lookups = new($"lookup, {size}", NeighbourLimit);
            RatioList sums = new($"sum, {size}", NeighbourLimit);
            for (int count = 2; count <= ListLength; count *= 2)
            {
                lookups.Add($"{count} indices", TimedCalls.Lookup(table, list, count, output), TimedCalls.Lookup(table, halfList, count / 2, output));
                sums.Add($"{count} indices", Sum(list, count), Sum(halfList, count / 2));
            }

            lists.AddRange([lookups, sums]);

            Timed Sum(int[] indices, int count) => TimedCalls.Pool(table, PoolingStyle.Sum, indices, count, int.Min(count, 32));
        }

        return ([.. lists], "");
    }

    /// <summary>Each table beside one of half its size; the largest has more than 2^31 elements, and its last rows are what was set.</summary>
    private static (RatioList[] Lists, string Range) Sizes(long largest, List<string> more)
    {
        const int Dim = 64;
        const int Count = 4096;
        RatioList lookups = new("lookup", NeighbourLimit);
        RatioList sums = new("sum", NeighbourLimit);
        float[] output = new float[Count * Dim];
        string range = largest == 8192L << 20 ? "" : $" --megabytes {largest >> 20}";

        // The largest table and one of half its size, and something for everybody else.
        long needed = (largest * 3 / 2) + (1L << 30);
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (MemoryFacts.Available() is { } now) available = long.Min(available, now);
        if (available < needed)
        {
            more.Add($"FAILED: {needed >> 20} MiB are needed, {available >> 20} MiB are there");
            return ([lookups, sums], range);
        }

        EmbeddingTable half = Table(1 << 10);
        for (long bytes = 2 << 10; bytes <= largest; bytes *= 2)
        {
            EmbeddingTable table = Table(bytes);
            string name = bytes < 1 << 20 ? $"{bytes >> 10} KiB" : $"{bytes >> 20} MiB";
            lookups.Add(name, Lookup(table), Lookup(half));
            sums.Add(name, Sum(table), Sum(half));
            half.Dispose();
            half = table;
        }

        long elements = half.RowCount * Dim;
        int wrong = FarRows(half);
        more.Add($"{(wrong == 0 ? "" : "FAILED: ")}{half.RowCount} rows, {elements} elements{(elements > 1L << 31 ? ", more than 2^31" : "")}: {wrong} elements of far rows wrong");
        half.Dispose();
        return ([lookups, sums], range);

        // Some rows more than the power of two: the number of elements is above it then.
        static EmbeddingTable Table(long bytes) => new((bytes / sizeof(float) / Dim) + (bytes >> 30), Dim);
        Timed Lookup(EmbeddingTable table) => TimedCalls.Lookup(table, TimedCalls.Uniform<int>(ListLength, table.RowCount), Count, output);
        Timed Sum(EmbeddingTable table) => TimedCalls.Pool(table, PoolingStyle.Sum, TimedCalls.Uniform<int>(ListLength, table.RowCount), Count, 32);
    }

    /// <summary>Sets rows at both ends and around each power of two of bytes, and counts the elements that lookups and bags of both index types read otherwise.</summary>
    private static int FarRows(EmbeddingTable table)
    {
        int dim = table.Dim;
        SortedSet<long> rows = [];
        for (long row = 1; row < table.RowCount; row *= 2) rows.UnionWith([row - 1, row, row + 1]);
        for (long row = long.Max(0, table.RowCount - 100); row < table.RowCount; row++) rows.Add(row);
        rows.RemoveWhere(row => row >= table.RowCount);
        float[] values = new float[dim];
        foreach (long row in rows)
        {
            for (int column = 0; column < dim; column++) values[column] = Value(row, column);
            table.SetRow(row, values);
        }

        long[] wide = [.. rows];
        int[] narrow = [.. rows.Select(row => (int)row)];
        using Embedding embedding = new(table, leaveOpen: true);
        using EmbeddingBag bag = new(table, Pooling.Sum, leaveOpen: true);
        float[][] outputs = [.. Enumerable.Range(0, 4).Select(_ => new float[wide.Length * dim])];
        embedding.Forward<long>(wide, outputs[0]);
        embedding.Forward<int>(narrow, outputs[1]);
        bag.Forward(Bags<long>.FixedLength(wide, 1), outputs[2]);
        bag.Forward(Bags<int>.FixedLength(narrow, 1), outputs[3]);
        return outputs.Sum(output => output.Where((value, i) => value != Value(wide[i / dim], i % dim)).Count());

        static float Value(long row, int column) => (row * 31 % 1_000_003) + (column / 64f);
    }
}

/// <summary>What the system says of its memory.</summary>
internal static class MemoryFacts
{
    /// <summary>Bytes that can be had without swapping, or null where the system does not say.</summary>
    public static long? Available()
    {
        const string Key = "MemAvailable:";
        if (!File.Exists("/proc/meminfo")) return null;
        string? line = File.ReadLines("/proc/meminfo").FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal));
        return line == null ? null : long.Parse(line[Key.Length..].Replace("kB", "", StringComparison.Ordinal)) << 10;
    }
}
