using System.CommandLine;
using System.Diagnostics;
using System.Reflection;
using Microsoft.ML.OnnxRuntime;
using SimdEmbed.Cli;
using SimdEmbed.Perf;

Option<FileInfo?> json = new("--json") { Description = "Write the figures to a file." };
Option<string?> filter = new("--filter") { Description = "Only workloads whose id starts so." };
Option<bool> results = new("--results") { Description = "Write perf/results/<cpu>/peers.md, peers.json and readme.md." };
Option<int> rounds = new("--rounds") { Description = "Blocks of everybody in turn.", DefaultValueFactory = _ => 41 };
RootCommand command = new("SimdEmbed, what a user would pick instead, and the machine's limit, in one run.") { json, filter, results, rounds };
command.SetAction(arguments => Run(
    arguments.GetValue(json), arguments.GetValue(filter), arguments.GetValue(results), int.Max(arguments.GetValue(rounds), 1)));
return command.Parse(args).Invoke();

static int Run(FileInfo? json, string? filter, bool results, int rounds)
{
    Workload[] workloads = [.. Catalogue.All.Where(workload => filter is null || workload.Id.StartsWith(filter, StringComparison.OrdinalIgnoreCase))];
    if (workloads.Length == 0 || (results && filter is not null))
    {
        Console.Error.WriteLine(workloads.Length == 0 ? $"no workload starts with {filter}" : "--results writes all figures, so that it takes no --filter");
        return 2;
    }

    long start = Stopwatch.GetTimestamp();
    LimitLibrary? limit = LimitLibrary.TryBuild(out string noLimit);
    using PyTorchPeer pyTorch = new();
    Comparison comparison = new(new Race(rounds), limit, noLimit, pyTorch, new TorchSharpPeer());
    foreach (Workload workload in workloads) Console.WriteLine(Tables.Line(comparison.Run(workload)));

    MachineFacts facts = MachineFacts.Read();
    Dictionary<string, string> versions = new()
    {
        ["SimdEmbed"] = facts.Version.Split('+')[0],
        [OnnxCalls.Name] = OrtEnv.Instance().GetVersionString(),
        [PyTorchPeer.NameStart] = pyTorch.FullVersion ?? "none",
        [TorchSharpPeer.Name] = typeof(TorchSharp.torch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "none",
        ["C compiler"] = limit?.Compiler ?? "none",
    };
    Machine machine = new(
        facts.Cpu ?? facts.Architecture,
        facts.Cores,
        facts.Os,
        facts.Runtime,
        facts.VectorWidth,
        facts.InstructionSets,
        limit?.SequentialRead(),
        ResultFolder.Commit(),
        ResultFolder.Today,
        versions);
    Report report = new(machine, comparison.Results);
    if (json is not null) File.WriteAllText(json.FullName, report.ToJson());
    if (results)
    {
        string folder = ResultFolder.Of(machine.Cpu);
        File.WriteAllText(Path.Combine(folder, "peers.json"), report.ToJson());
        File.WriteAllText(Path.Combine(folder, "peers.md"), Tables.Full(report));
        File.WriteAllText(Path.Combine(folder, "readme.md"), Tables.Short(report));
        Console.WriteLine($"written to {folder}");
    }

    foreach (string error in comparison.Errors) Console.Error.WriteLine(error);
    Console.WriteLine($"{comparison.Results.Count} workloads in {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s");
    return comparison.Errors.Count == 0 ? 0 : 1;
}
