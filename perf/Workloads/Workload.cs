namespace SimdEmbed.Perf;

internal enum WorkloadKind
{
    Lookup = 0,
    Bag = 1,
    Backward = 2,
    Step = 3,
    Renorm = 4,
    Seed = 5,
    Load = 6,
}

internal enum StepRule
{
    Sgd = 0,
    Adagrad = 1,
    SparseAdam = 2,
}

/// <summary>What is measured: an operation, its shapes and the distribution of its indices.</summary>
/// <param name="Id">The name everywhere: in results, budgets and filters.</param>
/// <param name="Kind">The operation.</param>
/// <param name="Rows">Rows of the table.</param>
/// <param name="Dim">Columns of the table.</param>
/// <param name="Count">Rows of the output: indices of a lookup, or bags.</param>
internal sealed record Workload(string Id, WorkloadKind Kind, int Rows, int Dim, int Count)
{
    /// <summary>The batches that calls take in turn.</summary>
    public const int Batches = 8;

    public int BagLength { get; init; } = 1;

    /// <summary>False for uniform rows, true for Zipf(1.05) with ranks permuted.</summary>
    public bool Skewed { get; init; }

    public Pooling Pooling { get; init; } = Pooling.Sum;

    public bool Weighted { get; init; }

    public bool Sparse { get; init; }

    public bool ByFrequency { get; init; }

    public StepRule Rule { get; init; }

    /// <summary>How our rows are stored. Loops and limits read the same values as floats.</summary>
    public RowCodec Codec { get; init; } = RowCodec.Float32;

    /// <summary>Whether a file is only mapped, and one row of it looked up.</summary>
    public bool Mapped { get; init; }

    /// <summary>The format of the file that we load; PyTorch loads its own.</summary>
    public TableFileFormat Format { get; init; } = TableFileFormat.PyTorch;

    public int Threads { get; init; } = 1;

    public IReadOnlyList<Goal> Goals { get; init; } = [];

    /// <summary>The id, with the number of threads where it is not 1.</summary>
    public string Name => Threads == 1 ? Id : $"{Id}@{Threads}";

    /// <summary>Indices of a batch; none for a load.</summary>
    public int Positions => Count * BagLength;

    public bool Trains => Kind is WorkloadKind.Step or WorkloadKind.Renorm or WorkloadKind.Seed;

    /// <summary>What it is, in the words of a user.</summary>
    public string Title => FormattableString.Invariant(Kind switch
    {
        WorkloadKind.Lookup => (FormattableString)$"look up {Count:N0} of {Rows:N0} rows of {Dim}",
        WorkloadKind.Bag => $"{(Weighted ? "weighted " : "")}{Pooling.ToString().ToLowerInvariant()} of {Count} bags of {BagLength}, {Rows:N0} {(Codec == RowCodec.Float32 ? "" : Codec + " ")}rows of {Dim}",
        WorkloadKind.Backward => $"{(Sparse ? "sparse" : "dense")} gradient of {Count:N0}, {Rows:N0} rows of {Dim}{(ByFrequency ? ", by frequency" : "")}",
        WorkloadKind.Step => $"train {Count:N0} of {Rows:N0} rows of {Dim}, {Rule}",
        WorkloadKind.Renorm => $"look up {Count:N0} and limit their norms, {Rows:N0} rows of {Dim}",
        WorkloadKind.Seed => $"iteration of the smallest training, {Rows} rows of {Dim}",
        _ => $"{(Mapped ? "map a checkpoint and look one row up" : "load a checkpoint, all cores")}, {Format}, {Rows:N0} rows of {Dim}",
    }) + (Skewed ? ", Zipf" : "") + (Threads > 1 ? FormattableString.Invariant($", {Threads} threads") : "");

    /// <summary>The bytes that a call cannot do without: rows read, rows written, and for a step the rows of the gradient.</summary>
    public long Bytes => sizeof(float) * (long)Dim * Kind switch
    {
        WorkloadKind.Backward => Count + (Sparse ? Count : Rows),
        WorkloadKind.Step => 4L * Count,
        WorkloadKind.Renorm => 3L * Count,
        WorkloadKind.Load => Rows,
        _ => Positions + (long)Count,
    };
}
