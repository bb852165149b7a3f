using System.CommandLine;
using System.Diagnostics;
using SimdEmbed.Perf;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>threads</c>: what a second thread brings to lookups, bags and fused steps made one after the other, and what it costs those made after a pause, when
/// the helper sleeps.
/// </summary>
internal static class ThreadsProof
{
    private const int Rows = 1_000_000;
    private const int Dim = 64;
    private const int Batch = 8192;
    private const int Positions = 51_200;
    private const int BagLength = 100;
    private const double LeastGain = 1.6;
    private const double MostLoss = 1.05;

    public static Command Create()
    {
        Option<int> samples = new("--samples") { DefaultValueFactory = _ => 41, Description = "how many of each, alternating" };
        Option<int> pause = new("--pause") { DefaultValueFactory = _ => 200, Description = "milliseconds between two calls after a pause" };
        Command command = new("threads", "Two threads against one, back to back and after pauses.") { samples, pause };
        command.SetAction(call => Run(call.GetValue(samples), call.GetValue(pause)));
        return command;
    }

    private static int Run(int samples, int pause)
    {
        using EmbeddingTable table = EmbeddingTable.Create(Rows, Dim, Initializer.Normal(1));
        Workload bags = new("bags", WorkloadKind.Bag, Rows, Dim, Positions / BagLength) { BagLength = BagLength };
        int[][] uniform = Indices.Create(bags), skewed = Indices.Create(bags with { Skewed = true });
        Random random = new(1);
        float[] values = [.. Enumerable.Range(0, Positions * Dim).Select(_ => random.NextSingle() - 0.5f)];
        float[] output = new float[Positions * Dim];
        bool met = true;
        foreach ((string name, int[][] batches, double least) in new[] { ("uniform", uniform, 1.8), ("Zipf", skewed, 1.5) })
        {
            met &= Compare($"lookup, {name}", least, degree =>
            {
                Embedding embedding = new(table, new EmbeddingOptions { Degree = degree }, leaveOpen: true);
                return (call => embedding.Forward<int>(batches[call & 7], output), embedding);
            });
            met &= Compare($"bags, {name}", least, degree =>
            {
                EmbeddingBag bag = new(table, Pooling.Sum, new EmbeddingOptions { Degree = degree }, leaveOpen: true);
                return (call => bag.Forward(Bags<int>.FixedLength(batches[call & 7], BagLength), output.AsSpan(0, Positions / BagLength * Dim)), bag);
            });
        }

        using Embedding trained = new(table, new EmbeddingOptions { Sparse = true }, leaveOpen: true);
        foreach ((string name, Func<int, Optimizer> create) in new (string, Func<int, Optimizer>)[]
        {
            ("SGD", degree => new Sgd(table, new SgdOptions { Degree = degree })),
            ("Adagrad", degree => new Adagrad(table, new AdagradOptions { Degree = degree })),
            ("SparseAdam", degree => new SparseAdam(table, new SparseAdamOptions { Degree = degree })),
        })
        {
            met &= Compare($"step, {name}", LeastGain, degree =>
            {
                Optimizer optimizer = create(degree);
                return (call => optimizer.Step<int>(trained, uniform[call & 7].AsSpan(0, Batch), values.AsSpan(0, Batch * Dim)), optimizer);
            });
        }

        Console.WriteLine($"threads: goals {(met ? "met" : "not met")}, {samples} alternating samples each");
        return met ? 0 : 1;

        bool Compare(string name, double least, Func<int, (Action<int> Call, IDisposable Owner)> create)
        {
            (Action<int> one, IDisposable oneOwner) = create(1);
            (Action<int> two, IDisposable twoOwner) = create(2);
            for (int i = 0; i < 20; i++) _ = Time(one, 8) + Time(two, 8);
            double gain = 1 / Ratio(samples, () => Time(two, 16), () => Time(one, 16));

            // The same batch for both after a pause: what the caches hold of it is the same.
            double loss = Ratio(samples, () => AfterPause(two), () => AfterPause(one));
            oneOwner.Dispose();
            twoOwner.Dispose();
            Console.WriteLine(FormattableString.Invariant(
                $"{name}: back to back {gain:F2}x as fast with two threads (goal {least}x); after a pause of {pause} ms {loss:F2}x the time (goal {MostLoss}x)"));
            return gain >= least && loss <= MostLoss;
        }

        double AfterPause(Action<int> call)
        {
            Thread.Sleep(pause);
            return Time(call, 1);
        }
    }

    private static double Time(Action<int> call, int calls)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++) call(i);
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / calls;
    }

    /// <summary>The median of the ratios of neighbouring samples.</summary>
    private static double Ratio(int samples, Func<double> first, Func<double> second) =>
        SideBySide.Median(Enumerable.Range(0, samples).Select(_ => first() / second()));
}
