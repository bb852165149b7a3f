using System.CommandLine;
using System.Diagnostics;
using BenchmarkDotNet.Running;
using SimdEmbed.Perf;

Option<string> loop = new("--loop") { Description = "The workload of the loop for a profiler.", DefaultValueFactory = _ => "B64-sum-Z" };
Option<int> seconds = new("--seconds") { Description = "How long the loop runs.", DefaultValueFactory = _ => 10 };
Option<bool> allocations = new("--allocations") { Description = "Check what every workload allocates against perf/allocations.json; exit code 1 over budget." };
Option<bool> results = new("--results") { Description = "Run every benchmark and write perf/results/<cpu>/benchmarks.md." };
RootCommand command = new("Our kernels and public calls. Without arguments a tight loop for a profiler; other arguments go to BenchmarkDotNet.")
{
    loop, seconds, allocations, results,
};
command.TreatUnmatchedTokensAsErrors = false;
command.SetAction(arguments =>
{
    if (arguments.GetValue(allocations)) return AllocationBudget.Check();
    if (arguments.GetValue(results)) return BenchmarkConfig.WriteResults();
    if (arguments.UnmatchedTokens.Count == 0) return Loop(arguments.GetValue(loop)!, arguments.GetValue(seconds));
    BenchmarkSwitcher.FromAssembly(typeof(AllocationBudget).Assembly).Run([.. arguments.UnmatchedTokens], BenchmarkConfig.Create());
    return 0;
});
return command.Parse(args).Invoke();

static int Loop(string name, int seconds)
{
    const int CallsPerLook = 64;
    Workload? workload = Catalogue.All.FirstOrDefault(workload => workload.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
    if (workload is null)
    {
        Console.Error.WriteLine($"no workload is called {name}: {string.Join(", ", Catalogue.All.Select(one => one.Name))}");
        return 2;
    }

    using WorkloadData data = WorkloadData.Create(workload);
    using Call call = OurCalls.Create(data);
    long calls = 0;
    long start = Stopwatch.GetTimestamp();
    for (; Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; calls += CallsPerLook) call.Run(CallsPerLook);
    double nanoseconds = Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls;
    Console.WriteLine(FormattableString.Invariant($"{workload.Name}: {nanoseconds:N1} ns per call, {nanoseconds / workload.Positions:N2} ns per index, {calls:N0} calls"));
    return 0;
}
