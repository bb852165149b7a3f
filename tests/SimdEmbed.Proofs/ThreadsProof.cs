using System.CommandLine;
using System.Diagnostics;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>threads</c>: what a second thread brings to fused steps made one after the other, and what it costs those made after a pause, when
/// the helper sleeps.
/// </summary>
internal static class ThreadsProof
{
    private const int Rows = 1_000_000;
    private const int Dim = 64;
    private const int Batch = 8192;
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
        using Embedding embedding = new(table, new EmbeddingOptions { Sparse = true }, leaveOpen: true);
        Random random = new(1);
        int[][] batches = [.. Enumerable.Range(0, 8).Select(_ => Enumerable.Range(0, Batch).Select(_ => random.Next(Rows)).ToArray())];
        float[] outputGradient = [.. Enumerable.Range(0, Batch * Dim).Select(_ => random.NextSingle() - 0.5f)];
        bool met = true;
        foreach ((string name, Func<int, Optimizer> create) in new (string, Func<int, Optimizer>)[]
        {
            ("SGD", degree => new Sgd(table, new SgdOptions { Degree = degree })),
            ("Adagrad", degree => new Adagrad(table, new AdagradOptions { Degree = degree })),
            ("SparseAdam", degree => new SparseAdam(table, new SparseAdamOptions { Degree = degree })),
        })
        {
            using Optimizer one = create(1), two = create(2);
            int next = 0;
            double Time(Optimizer optimizer, int calls)
            {
                long start = Stopwatch.GetTimestamp();
                for (int i = 0; i < calls; i++) optimizer.Step<int>(embedding, batches[next++ & 7], outputGradient);
                return Stopwatch.GetElapsedTime(start).TotalMicroseconds / calls;
            }

            for (int i = 0; i < 20; i++) _ = Time(one, 8) + Time(two, 8);
            double gain = 1 / Ratio(samples, () => Time(two, 16), () => Time(one, 16));

            // The same batch for both after a pause: what the caches hold of it is the same.
            double loss = Ratio(samples, () => AfterPause(two), () => AfterPause(one));
            double AfterPause(Optimizer optimizer)
            {
                Thread.Sleep(pause);
                next = 0;
                return Time(optimizer, 1);
            }

            met &= gain >= LeastGain && loss <= MostLoss;
            Console.WriteLine($"{name}: back to back {gain:F2}x as fast with two threads; after a pause of {pause} ms {loss:F2}x the time");
        }

        Console.WriteLine($"threads: goals of {LeastGain}x and {MostLoss}x {(met ? "met" : "not met")}, {samples} alternating samples each");
        return met ? 0 : 1;
    }

    /// <summary>The median of the ratios of neighbouring samples.</summary>
    private static double Ratio(int samples, Func<double> first, Func<double> second)
    {
        double[] ratios = [.. Enumerable.Range(0, samples).Select(_ => first() / second()).Order()];
        return ratios[samples / 2];
    }
}
