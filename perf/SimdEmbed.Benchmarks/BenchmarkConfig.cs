using System.Collections.Immutable;
using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;
using SimdEmbed.Cli;

namespace SimdEmbed.Perf;

/// <summary>How benchmarks run and what their tables show.</summary>
internal static class BenchmarkConfig
{
    private const int WarmUps = 10;
    private const int Iterations = 15;
    private static readonly TimeInterval s_iteration = TimeInterval.FromMilliseconds(100);

    /// <summary>In this process, so that tables of half a gigabyte are made once per benchmark; warm-up goes past tiering.</summary>
    public static IConfig Create() => ManualConfig.CreateEmpty()
        .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(WarmUps).WithIterationCount(Iterations).WithIterationTime(s_iteration))
        .AddLogger(ConsoleLogger.Default)
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .AddColumn(
            StatisticColumn.Median,
            new RateColumn("ns/index", "Time per index", (size, nanoseconds) => nanoseconds / size.Indices),
            new RateColumn("GB/s", "Bytes that must be read and written, per second", (size, nanoseconds) => size.Bytes / nanoseconds))
        .AddDiagnoser(MemoryDiagnoser.Default)
        .AddExporter(MarkdownExporter.GitHub)
        .HideColumns("Mean", "Error", "StdDev", "RatioSD", "Alloc Ratio", "Gen0", "Gen1", "Gen2")
        .WithArtifactsPath(Path.Combine(ResultFolder.Root, "artifacts", "benchmarks"));

    public static int WriteResults()
    {
        MachineFacts facts = MachineFacts.Read();
        AccumulationLogger text = new();
        text.WriteLine("# Benchmarks");
        text.WriteLine();
        text.WriteLine("Written by `dotnet run -c Release --project perf/SimdEmbed.Benchmarks -- --results`.");
        text.WriteLine($"{facts}; commit {ResultFolder.Commit()}, {ResultFolder.Today}.");
        text.WriteLine("Allocated is what the whole process allocates: about 6 KB per measurement that the C# loops, which cannot allocate, show too,");
        text.WriteLine("divided by the calls. What a call allocates is checked by `--allocations`.");
        ImmutableArray<Summary> summaries =
            [.. BenchmarkSwitcher.FromAssembly(typeof(BenchmarkConfig).Assembly).Run(["--filter", "*"], Create())];
        foreach (Summary summary in summaries) MarkdownExporter.GitHub.ExportToLog(summary, text);

        string path = Path.Combine(ResultFolder.Of(facts.Cpu ?? facts.Architecture), "benchmarks.md");
        File.WriteAllText(path, text.GetLog().ReplaceLineEndings("\n").TrimEnd() + "\n");
        Console.WriteLine($"written to {path}");
        return summaries.Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success)) ? 1 : 0;
    }

    /// <summary>The indices and bytes of one call, from the parameter that says what is measured.</summary>
    private static (int Indices, long Bytes)? SizeOf(BenchmarkCase benchmark)
    {
        foreach (var parameter in benchmark.Parameters.Items)
        {
            if (parameter.Name == nameof(KernelBenchmarks.Count)) return ((int)parameter.Value, KernelBenchmarks.BytesOf(benchmark.Descriptor.WorkloadMethod.Name, (int)parameter.Value));
            if (Catalogue.All.FirstOrDefault(workload => workload.Name == parameter.Value as string) is { } workload) return (workload.Positions, workload.Bytes);
        }

        return null;
    }

    private sealed class RateColumn(string name, string legend, Func<(int Indices, long Bytes), double, double> rate) : IColumn
    {
        public string Id => name;

        public string ColumnName => name;

        public bool AlwaysShow => true;

        public ColumnCategory Category => ColumnCategory.Custom;

        public int PriorityInCategory => 0;

        public bool IsNumeric => true;

        public UnitType UnitType => UnitType.Dimensionless;

        public string Legend => legend;

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, summary.Style);

        public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) =>
            SizeOf(benchmarkCase) is { } size && summary[benchmarkCase]?.ResultStatistics is { } statistics
                ? rate(size, statistics.Median).ToString("0.00", CultureInfo.InvariantCulture)
                : "-";

        public bool IsAvailable(Summary summary) => true;

        public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;
    }
}
