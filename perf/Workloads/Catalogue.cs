namespace SimdEmbed.Perf;

/// <summary>Every workload, with its goals. A new one is one line here, and one in <c>perf/allocations.json</c>; all programs pick it up.</summary>
internal static class Catalogue
{
    private const int Million = 1_000_000;

    private static readonly int[] s_threads = [1, 2];

    private static readonly bool[] s_distributions = [false, true];

    public static IReadOnlyList<Workload> All { get; } = [.. Lookups(), .. Bags(), .. Quantized(), .. Training(), .. Loading()];

    /// <summary>What an embedding or bag of a workload is created with.</summary>
    public static EmbeddingOptions OurOptions(Workload workload) => new()
    {
        Sparse = workload.Sparse,
        ScaleGradByFrequency = workload.ByFrequency,
        Degree = workload.Threads,
    };

    private static IEnumerable<Workload> Lookups()
    {
        Goal[] small = [Goal.Within(Rival.Loop, 0.75)];
        yield return new("L1", WorkloadKind.Lookup, 10_000, 64, 1) { Goals = [Goal.Within(Rival.Loop, 1.2), new(Rival.OnnxRuntime, 100)] };
        yield return new("L8", WorkloadKind.Lookup, 10_000, 64, 8) { Goals = small };
        yield return new("L32", WorkloadKind.Lookup, 10_000, 64, 32) { Goals = small };
        foreach ((string id, int rows, int dim, double uniform, double skewed) in
            new[] { ("G16", 4 * Million, 16, 3, 3), ("G64", Million, 64, 1.3, 2), ("G128", Million, 128, 1.3, 2) })
        {
            Goal limit = Goal.Within(Rival.Limit, 1.05);
            Workload lookup = new(id, WorkloadKind.Lookup, rows, dim, 65_536);
            Workload[] both = [lookup with { Goals = [limit, new(Rival.BestLibrary, uniform)] }, lookup with { Skewed = true, Goals = [limit, new(Rival.BestLibrary, skewed)] }];
            foreach (Workload one in both.Select(Named).SelectMany(OnThreads)) yield return one;
        }
    }

    private static IEnumerable<Workload> Bags()
    {
        Goal[] linear = [Goal.Within(Rival.Limit, 1.05), new(Rival.Fbgemm, 1)];
        Workload narrow = new("B64-sum", WorkloadKind.Bag, Million, 64, 512) { BagLength = 100, Goals = linear };
        Workload wide = narrow with { Id = "B128-sum", Dim = 128 };
        Workload[] bags =
        [
            .. BothDistributions(narrow),
            .. BothDistributions(wide),
            .. BothDistributions(wide with { Id = "B128-weighted", Weighted = true }),
            .. BothDistributions(wide with { Id = "B128-mean", Pooling = Pooling.Mean }),
            wide with { Id = "B128-max", Pooling = Pooling.Max, Goals = [new(Rival.BestLibrary, 9)] },
            wide with { Id = "B128-max", Pooling = Pooling.Max, Skewed = true, Goals = [new(Rival.BestLibrary, 15)] },
        ];
        return bags.Select(Named).SelectMany(OnThreads);
    }

    private static IEnumerable<Workload> Quantized() =>
        from bag in new (string Id, RowCodec Codec, double Uniform, double Skewed)[]
        {
            ("QH", RowCodec.Float16, 1, 1), ("QB", RowCodec.BFloat16, 1, 1), ("Q8", RowCodec.Int8, 1, 1), ("Q4", RowCodec.Int4, 1.3, 1.1),
        }
        from skewed in s_distributions
        select Named(new(bag.Id, WorkloadKind.Bag, Million, 128, 512)
        {
            BagLength = 100,
            Skewed = skewed,
            Codec = bag.Codec,
            Goals = [new(Rival.PyTorch, 1), new(Rival.Fbgemm, skewed ? bag.Skewed : bag.Uniform)],
        });

    private static IEnumerable<Workload> Training()
    {
        Workload backward = new("BD", WorkloadKind.Backward, 100_000, 64, 8_192) { Skewed = true, Goals = [new(Rival.PyTorch, 1.5)] };
        yield return backward;
        yield return backward with { Id = "BDF", ByFrequency = true };
        yield return backward with { Id = "BD-sparse", Sparse = true, Goals = [new(Rival.PyTorch, 8)] };

        Workload step = new("TS", WorkloadKind.Step, Million, 64, 8_192) { Skewed = true, Sparse = true, Goals = [new(Rival.PyTorch, 2.5)] };
        Workload[] steps =
        [
            step,
            step with { Id = "TA", Rule = StepRule.Adagrad, Goals = [new(Rival.PyTorch, 8)] },
            step with { Id = "TM", Rule = StepRule.SparseAdam, Goals = [new(Rival.PyTorch, 6)] },
        ];
        foreach (Workload one in steps.SelectMany(OnThreads)) yield return one;

        yield return new("RN", WorkloadKind.Renorm, Million, 64, 8_192) { Skewed = true, Goals = [new(Rival.PyTorch, 60)] };
        yield return new("SEED", WorkloadKind.Seed, 5, 3, 5) { Goals = [new(Rival.PyTorch, 100)] };
    }

    private static IEnumerable<Workload> Loading()
    {
        Workload load = new("LD", WorkloadKind.Load, Million, 64, 0) { Goals = [Goal.Within(Rival.Loop, 1.1)] };
        yield return load;
        yield return load with { Id = "LD-safetensors", Format = TableFileFormat.Safetensors };
        yield return load with { Id = "LD-mapped", Format = TableFileFormat.Safetensors, Mapped = true, Goals = [] };
    }

    private static Workload[] BothDistributions(Workload one) => [one with { Skewed = false }, one with { Skewed = true }];

    private static Workload Named(Workload one) => one with { Id = $"{one.Id}-{(one.Skewed ? "Z" : "U")}" };

    /// <summary>More threads are measured against one thread of ours.</summary>
    private static IEnumerable<Workload> OnThreads(Workload one) => s_threads.Select(count => count == 1
        ? one
        : one with
        {
            Threads = count,
            Goals = one.Kind == WorkloadKind.Step ? [] : [new(Rival.OneThread, one.Skewed ? 1.5 : 1.8)],
        });
}
