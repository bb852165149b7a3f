using System.Diagnostics;
using System.Globalization;
using SimdEmbed.Perf;

namespace SimdEmbed.AotTests;

/// <summary>
/// <c>--loop WORKLOAD[,WORKLOAD] --seconds S</c>: workloads of <c>perf/Workloads</c> for so long each, so that this program built native and under the
/// JIT can be compared. Prints for each the median of nanoseconds per position, and then what it ran on.
/// </summary>
internal static class TimingLoop
{
    private const double SampleSeconds = 0.002;

    // The JIT compiles what is hot twice, in the background; it is done by then, and a native build does the same for fairness.
    private const double WarmUpSeconds = 0.5;

    public static int Run(string[] arguments)
    {
        if (arguments is not ["--loop", { } names, "--seconds", { } text] || !double.TryParse(text, CultureInfo.InvariantCulture, out double seconds))
        {
            Console.Error.WriteLine("expected --loop WORKLOAD[,WORKLOAD] --seconds S");
            return 2;
        }

        foreach (string name in names.Split(','))
        {
            if (Catalogue.All.FirstOrDefault(one => one.Name == name) is not { } workload)
            {
                Console.Error.WriteLine($"no such workload: {name}");
                return 1;
            }

            using WorkloadData data = WorkloadData.Create(workload);
            using Call call = OurCalls.Create(data);
            double nanoseconds = Median(call, seconds) * 1e9 / int.Max(1, workload.Positions);
            Console.WriteLine(FormattableString.Invariant($"{name} {nanoseconds:F3}"));
        }

        Console.WriteLine($"{(EngineInfo.IsNative ? "native" : "JIT")} {EngineInfo.VectorWidth * 32} {EngineInfo.InstructionSets}");
        return 0;
    }

    private static double Median(Call call, double seconds)
    {
        int calls = 1;
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start).TotalSeconds < WarmUpSeconds;)
        {
            if (call.Seconds(calls) < SampleSeconds) calls *= 2;
        }

        List<double> samples = [];
        for (long start = Stopwatch.GetTimestamp(); samples.Count == 0 || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds;)
        {
            samples.Add(call.Seconds(calls) / calls);
        }

        samples.Sort();
        return samples[samples.Count / 2];
    }
}
