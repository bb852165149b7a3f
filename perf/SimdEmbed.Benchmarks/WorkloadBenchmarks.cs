using BenchmarkDotNet.Attributes;

namespace SimdEmbed.Perf;

/// <summary>A workload of the catalogue. Its first result is checked against the reference before anything is timed.</summary>
public abstract class WorkloadBenchmarks
{
    /// <summary>A multiple of the batches, and enough that calling it costs nothing beside a lookup of one row.</summary>
    protected const int Calls = 16;

    private WorkloadData? _data;

    public abstract string Id { get; set; }

    private protected Call OurCall { get; private set; } = null!;

    private protected Call? LoopCall { get; private set; }

    [GlobalSetup]
    public void Setup()
    {
        Workload workload = Catalogue.All.Single(workload => workload.Name == Id);
        _data = WorkloadData.Create(workload);
        OurCall = OurCalls.Create(_data);
        LoopCall = LoopCalls.Create(_data);
        float[] expected = ReferenceOutcome.Of(_data);
        Check(expected, OurCall.First());
        if (LoopCall is not null) Check(expected, LoopCall.First());
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        OurCall.Dispose();
        LoopCall?.Dispose();
        _data!.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Calls)]
    public void SimdEmbed() => OurCall.Run(Calls);

    private protected static IEnumerable<string> Names(bool withLoop) =>
        from workload in Catalogue.All
        where workload.Kind != WorkloadKind.Load && LoopCalls.Has(workload) == withLoop
        select workload.Name;

    private void Check(float[] expected, float[] actual)
    {
        if (Outcome.Difference(expected, actual, _data!.Workload) is { } difference) throw new InvalidOperationException($"{Id} is not what the reference says: {difference}");
    }
}

/// <summary>Workloads that one would write a loop for, beside that loop.</summary>
public class BesideLoop : WorkloadBenchmarks
{
    [ParamsSource(nameof(Ids))]
    public override string Id { get; set; } = "";

    public static IEnumerable<string> Ids => Names(withLoop: true);

    [Benchmark(OperationsPerInvoke = Calls)]
    public void CSharpLoop() => LoopCall!.Run(Calls);
}

/// <summary>Workloads that nobody writes by hand.</summary>
public class Alone : WorkloadBenchmarks
{
    [ParamsSource(nameof(Ids))]
    public override string Id { get; set; } = "";

    public static IEnumerable<string> Ids => Names(withLoop: false);
}
