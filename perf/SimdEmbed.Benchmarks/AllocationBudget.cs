using System.Text.Json;

namespace SimdEmbed.Perf;

/// <summary>What a call of each workload may allocate, in perf/allocations.json, against what it does.</summary>
internal static class AllocationBudget
{
    private const int WarmUpCalls = 60;
    private const int CallsPerRound = 40;
    private const int Rounds = 5;

    // Batches stay as large as they are; what a call allocates does not depend on rows that it never sees.
    private const int RowsAtMost = 20_000;

    /// <summary>0, or 1 when a workload is over budget, has none, or no longer exists.</summary>
    public static int Check()
    {
        string path = Path.Combine(ResultFolder.Root, "perf", "allocations.json");
        Dictionary<string, long> budget = JsonSerializer.Deserialize<Dictionary<string, long>>(File.ReadAllText(path))!;

        // Loading makes a table each time.
        Workload[] workloads = [.. Catalogue.All.Where(workload => workload.Kind != WorkloadKind.Load)];
        List<string> errors = [.. budget.Keys.Except(workloads.Select(workload => workload.Name)).Select(name => $"{name} has a budget and is no workload")];
        foreach (Workload workload in workloads)
        {
            long bytes = BytesPerCall(workload);
            if (!budget.TryGetValue(workload.Name, out long allowed)) errors.Add($"{workload.Name} has no budget, and allocates {bytes} bytes a call");
            else if (bytes > allowed) errors.Add($"{workload.Name} allocates {bytes} bytes a call, and may {allowed}");
        }

        foreach (string error in errors) Console.Error.WriteLine(error);
        Console.WriteLine($"allocations: {workloads.Length} workloads, {errors.Count} over budget");
        return errors.Count == 0 ? 0 : 1;
    }

    private static long BytesPerCall(Workload workload)
    {
        using WorkloadData data = WorkloadData.Create(workload with { Rows = int.Min(workload.Rows, RowsAtMost) });
        using Call call = OurCalls.Create(data);
        call.Run(WarmUpCalls);

        // The runtime compiles a hot loop again on the thread that runs it and may allocate for that, once: the least of the
        // rounds is what a call allocates every time. A byte in any call of that round counts.
        long least = long.MaxValue;
        for (int round = 0; round < Rounds && least > 0; round++)
        {
            long before = Allocated(workload);
            call.Run(CallsPerRound);
            least = long.Min(least, Allocated(workload) - before);
        }

        return (least + CallsPerRound - 1) / CallsPerRound;
    }

    private static long Allocated(Workload workload) =>
        workload.Threads > 1 ? GC.GetTotalAllocatedBytes(precise: true) : GC.GetAllocatedBytesForCurrentThread();
}
