using System.CommandLine;
using System.Diagnostics;
using SimdEmbed.Perf;

namespace SimdEmbed.Proofs;

/// <summary><c>poolings</c>: every pooling beside sum, and sums over compact rows beside those over floats, each timed in turn with what it is compared with.</summary>
internal static class PoolingsProof
{
    private const int Rows = 1_000_000;
    private const int Dim = 128;
    private const int Bags = 512;
    private const int BagLength = 100;
    private const double HalvesLimit = 1.1;

    /// <summary>How many times as many rows per second as float32 each codec is to sum, uniform and Zipf.</summary>
    private static readonly (RowCodec Codec, double Uniform, double Skewed)[] s_codecs =
        [(RowCodec.Float16, 1.9, 1.5), (RowCodec.Int8, 2.3, 1.7), (RowCodec.Int4, 3.2, 1.8)];

    public static Command Create()
    {
        Option<bool> results = new("--results") { Description = "write the figures to tests/results/poolings.md" };
        Command command = new("poolings", "Poolings beside sum, and codecs beside float32, on a table larger than the caches.") { results };
        command.SetAction(call => Run(call.GetValue(results)));
        return command;
    }

    private static int Run(bool keep)
    {
        Stopwatch clock = Stopwatch.StartNew();
        TimedCalls.WarmUp();
        using EmbeddingTable table = EmbeddingTable.Create(Rows, Dim, Initializer.Uniform(1, -1, 1));
        (RowCodec Codec, EmbeddingTable Table)[] compact =
            [.. ((RowCodec[])[RowCodec.Float16, RowCodec.BFloat16, RowCodec.Int8, RowCodec.Int4]).Select(codec => (codec, table.ConvertTo(codec, degree: 2)))];
        List<string> lines = [];
        int notMet = 0;
        foreach (bool skewed in (bool[])[false, true])
        {
            Workload workload = new("bags", WorkloadKind.Bag, Rows, Dim, Bags) { BagLength = BagLength, Skewed = skewed };
            int[] list = [.. Indices.Create(workload).SelectMany(batch => batch)];
            string batch = skewed ? "Zipf" : "uniform";
            Timed sum = Of(table, PoolingStyle.Sum);
            Dictionary<RowCodec, Timed> sums = compact.ToDictionary(one => one.Codec, one => Of(one.Table, PoolingStyle.Sum));
            foreach (PoolingStyle style in PoolingStyle.All.Where(style => style != PoolingStyle.Sum))
            {
                Say($"{style.Name}, {batch}", Compare(Of(table, style), sum, style.Limit), style.Limit);
            }

            foreach ((RowCodec codec, double uniform, double zipf) in s_codecs)
            {
                double goal = skewed ? zipf : uniform;
                TimeRatio ratio = Compare(sums[codec], sum, 1 / goal);
                bool met = 1 / ratio.Times >= goal;
                if (!met) notMet++;
                lines.Add($"{codec}, {batch}: {1 / ratio.Times:F2}x as many rows per second as Float32 ({ratio.Nanoseconds:F1} and {ratio.OtherNanoseconds:F1} ns per row); goal {goal}x, {(met ? "met" : "not met")}");
            }

            Say($"BFloat16 beside Float16, {batch}", Compare(sums[RowCodec.BFloat16], sums[RowCodec.Float16], HalvesLimit), HalvesLimit);

            Timed Of(EmbeddingTable rows, PoolingStyle style) => TimedCalls.Pool(rows, style, list, Bags * BagLength, BagLength).Settled();
        }

        foreach ((_, EmbeddingTable one) in compact) one.Dispose();
        lines.Add($"poolings: {lines.Count} goals, {notMet} not met, {clock.Elapsed.TotalSeconds:F0} s");
        ResultFile.Report("poolings", "poolings", lines, keep);
        return notMet == 0 ? 0 : 1;

        static TimeRatio Compare(Timed one, Timed other, double limit) => SideBySide.Compare(one, other, limit, Workload.Batches);

        void Say(string name, TimeRatio ratio, double limit)
        {
            bool met = ratio.Times <= limit;
            if (!met) notMet++;
            lines.Add($"{name}: {ratio.Times:F2}x the time ({ratio.Nanoseconds:F1} and {ratio.OtherNanoseconds:F1} ns per row); goal {limit}x, {(met ? "met" : "not met")}");
        }
    }
}
