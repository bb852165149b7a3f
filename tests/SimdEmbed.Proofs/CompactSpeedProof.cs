using System.CommandLine;
using System.Diagnostics;

namespace SimdEmbed.Proofs;

/// <summary><c>compact-speed</c>: bags over compact rows beside the same bags over float32 rows, on random indices; none may be slower.</summary>
internal static class CompactSpeedProof
{
    private const int Bags = 512;
    private const int Length = 100;
    private const double Most = 1;

    private static readonly (string Name, Pooling Pooling, bool Weighted)[] s_kinds =
        [("sum", Pooling.Sum, false), ("mean", Pooling.Mean, false), ("max", Pooling.Max, false), ("weighted sum", Pooling.Sum, true)];

    public static Command Create()
    {
        Option<int> rows = new("--rows") { DefaultValueFactory = _ => 1_000_000 };
        Option<int> dim = new("--dim") { DefaultValueFactory = _ => 128 };
        Option<int> samples = new("--samples") { DefaultValueFactory = _ => 15, Description = "how many of each, alternating" };
        Command command = new("compact-speed", "No codec is slower than float32 in any pooling.") { rows, dim, samples };
        command.SetAction(call => Run(call.GetValue(rows), call.GetValue(dim), call.GetValue(samples)));
        return command;
    }

    private static int Run(int rows, int dim, int samples)
    {
        using EmbeddingTable floats = EmbeddingTable.Create(rows, dim, Initializer.Uniform(1, -1, 1));
        Random random = new(1);
        int[][] batches = [.. Enumerable.Range(0, 8).Select(_ => Enumerable.Range(0, Bags * Length).Select(_ => random.Next(rows)).ToArray())];
        float[] weights = [.. Enumerable.Range(0, Bags * Length).Select(_ => random.NextSingle())], output = new float[Bags * dim];
        double worst = 0;
        Console.WriteLine($"| codec | {string.Join(" | ", s_kinds.Select(kind => kind.Name))} | lookup |");
        Console.WriteLine("|---|---|---|---|---|---|");
        foreach (RowCodec codec in Enum.GetValues<RowCodec>().Where(codec => codec != RowCodec.Float32))
        {
            using EmbeddingTable compact = floats.ConvertTo(codec, Environment.ProcessorCount);
            List<double> ratios = [];
            foreach ((_, Pooling pooling, bool weighted) in s_kinds)
            {
                using EmbeddingBag ours = new(compact, pooling, leaveOpen: true), theirs = new(floats, pooling, leaveOpen: true);
                ratios.Add(Ratio(samples, batch => Pool(ours, batch, weighted), batch => Pool(theirs, batch, weighted)));
            }

            using Embedding small = new(compact, leaveOpen: true), large = new(floats, leaveOpen: true);
            float[] looked = new float[Bags * Length * dim];
            ratios.Add(Ratio(samples, batch => small.Forward<int>(batches[batch], looked), batch => large.Forward<int>(batches[batch], looked)));
            worst = Math.Max(worst, ratios.Max());
            Console.WriteLine($"| {codec} | {string.Join(" | ", ratios.Select(ratio => $"{ratio:F2}"))} |");
        }

        Console.WriteLine($"compact-speed: the slowest takes {worst:F2}x of float32's time; goal of {Most}x {(worst <= Most ? "met" : "not met")}, medians of {samples} alternating samples, {rows} rows of {dim}");
        return worst <= Most ? 0 : 1;

        void Pool(EmbeddingBag bag, int batch, bool weighted)
        {
            Bags<int> bags = Bags<int>.FixedLength(batches[batch], Length);
            if (weighted) bags = bags.WithWeights(weights);
            bag.Forward(bags, output);
        }

        double Ratio(int count, Action<int> first, Action<int> second)
        {
            for (int i = 0; i < 40; i++)
            {
                first(i & 7);
                second(i & 7);
            }

            return SideBySide.Median(Enumerable.Range(0, count).Select(i => Time(first, i) / Time(second, i + 3)));
        }

        static double Time(Action<int> call, int from)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < 3; i++) call((from + i) & 7);
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }
}
