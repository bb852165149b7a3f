using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace SimdEmbed.Proofs;

/// <summary><c>native CPU</c>: the same workloads in a native build and under the JIT at the same vector width, in pairs of processes, alternating.</summary>
internal static class NativeProof
{
    private const string Project = "SimdEmbed.AotTests";

    /// <summary>Two processes find their memory at other addresses: what is within this is level.</summary>
    private const double Limit = 1.05;
    private const int LeastPairs = 15;

    public static Command Create()
    {
        Argument<string> cpu = new("cpu") { Description = "x86-64-v3 or x86-64-v4" };
        cpu.AcceptOnlyFromAmong("x86-64-v3", "x86-64-v4");
        Option<string> workloads = new("--workloads") { DefaultValueFactory = _ => "L1,L32,G64-Z,B64-sum-U,B64-sum-Z,TS", Description = "which, of perf/Workloads" };
        Option<int> pairs = new("--pairs") { DefaultValueFactory = _ => LeastPairs, Description = "pairs of processes, at least 15" };
        Option<double> seconds = new("--seconds") { DefaultValueFactory = _ => 0.3, Description = "how long each workload is timed in a process" };
        Option<bool> sameSet = new("--same-instructions") { Description = "the JIT has no instructions either that the native build does not use" };
        Option<bool> published = new("--published") { Description = "take the native build that is there" };
        Option<bool> results = new("--results") { Description = "write the figures to tests/results/native.md" };
        Command command = new("native", "A native build beside the JIT at the same vector width.") { cpu, workloads, pairs, seconds, sameSet, published, results };
        command.SetAction(call => Run(
            call.GetValue(cpu)!,
            call.GetValue(workloads)!,
            int.Max(LeastPairs, call.GetValue(pairs)),
            call.GetValue(seconds),
            call.GetValue(sameSet),
            call.GetValue(published),
            call.GetValue(results)));
        return command;
    }

    private static int Run(string cpu, string workloads, int pairs, double seconds, bool sameSet, bool isPublished, bool keep)
    {
        string program = ChildProgram.Native(Project, cpu, !isPublished);
        Stopwatch clock = Stopwatch.StartNew();
        int bits = cpu == "x86-64-v4" ? 512 : 256;
        Dictionary<string, string> environment = new() { ["DOTNET_MaxVectorTBitWidth"] = bits.ToString(CultureInfo.InvariantCulture) };
        if (sameSet && bits == 256) environment["DOTNET_EnableAVX512"] = "0";
        string[] loop = ["--loop", workloads, "--seconds", seconds.ToString(CultureInfo.InvariantCulture)];
        List<Dictionary<string, double>> native = [], jit = [];
        string nativeOn = "", jitOn = "";
        for (int pair = 0; pair < pairs; pair++)
        {
            bool isNativeFirst = pair % 2 == 0;
            if (isNativeFirst) native.Add(Times(ChildProgram.Run(program, loop), out nativeOn));
            jit.Add(Times(ChildProgram.Run(ChildProgram.DotNet, [ChildProgram.Built(Project), .. loop], environment), out jitOn));
            if (!isNativeFirst) native.Add(Times(ChildProgram.Run(program, loop), out nativeOn));
        }

        bool sameWidth = nativeOn.StartsWith($"native {bits} ", StringComparison.Ordinal) && jitOn.StartsWith($"JIT {bits} ", StringComparison.Ordinal);
        List<string> lines = [nativeOn, jitOn];
        if (!sameWidth) lines.Add($"FAILED: both were to have {bits} bits");
        int slower = 0;
        int rank = IntervalRank(pairs);
        foreach (string workload in workloads.Split(','))
        {
            double[] ratios = [.. Enumerable.Range(0, pairs).Select(pair => native[pair][workload] / jit[pair][workload]).Order()];
            double median = SideBySide.Median(ratios);
            bool level = median <= Limit;
            if (!level) slower++;
            double nativeTime = SideBySide.Median(native.Select(times => times[workload])), jitTime = SideBySide.Median(jit.Select(times => times[workload]));
            lines.Add($"{workload}: native takes {median:F3}x the JIT's time, 95 % interval {ratios[rank]:F3} to {ratios[^(rank + 1)]:F3} ({nativeTime:F2} and {jitTime:F2} ns per position); limit {Limit}x, {(level ? "met" : "not met")}");
        }

        lines.Add($"native {cpu}: {pairs} alternating pairs of processes at {bits} bits, {slower} of {workloads.Split(',').Length} workloads slower than the JIT, {clock.Elapsed.TotalSeconds:F0} s");
        ResultFile.Report("native", $"native {cpu} --workloads {workloads}{(sameSet ? " --same-instructions" : "")}", lines, keep);
        return slower == 0 && sameWidth ? 0 : 1;
    }

    private static Dictionary<string, double> Times((int ExitCode, string Text) run, out string ranOn)
    {
        if (run.ExitCode != 0) throw new InvalidOperationException(run.Text);
        string[] lines = run.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        ranOn = lines[^1];
        return lines[..^1].Select(line => line.Split(' ')).ToDictionary(words => words[0], words => double.Parse(words[1], CultureInfo.InvariantCulture));
    }

    /// <summary>How many of the smallest and of the largest lie outside a 95 % interval of the median: at most 2.5 % of heads in that many tosses.</summary>
    private static int IntervalRank(int count)
    {
        double probability = Math.Pow(0.5, count);
        double sum = 0;
        int rank = 0;
        while ((sum += probability) <= 0.025) probability *= (double)(count - rank) / ++rank;
        return int.Max(0, rank - 1);
    }
}
