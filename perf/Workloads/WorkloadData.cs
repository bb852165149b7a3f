using System.Runtime.InteropServices;

namespace SimdEmbed.Perf;

/// <summary>The data of a workload, the same for everybody who is measured: table, batches, weights and gradient.</summary>
internal sealed class WorkloadData : IDisposable
{
    private const int Seed = 7;

    private WorkloadData(Workload workload, EmbeddingTable table, EmbeddingTable? compact)
    {
        Compact = compact;
        Workload = workload;
        Table = table;
        Batches = Indices.Create(workload);
        Random random = new(Seed);
        Weights = Floats(random, workload.Weighted ? workload.Positions : 0);
        OutputGradient = Floats(random, workload.Trains || workload.Kind == WorkloadKind.Backward ? workload.Count * workload.Dim : 0);
        Offsets = [.. Enumerable.Range(0, workload.Count + 1).Select(bag => bag * workload.BagLength)];
    }

    public Workload Workload { get; }

    /// <summary><c>[rows, dim]</c>; ours alone where the workload trains it.</summary>
    public EmbeddingTable Table { get; }

    /// <summary>The table in the workload's codec, whose values <see cref="Table"/> holds as floats; null where that is what they are.</summary>
    public EmbeddingTable? Compact { get; }

    /// <summary>8 batches of <c>[count * bagLength]</c> indices.</summary>
    public int[][] Batches { get; }

    /// <summary><c>[count + 1]</c>.</summary>
    public int[] Offsets { get; }

    /// <summary>A factor per position, or none.</summary>
    public float[] Weights { get; }

    /// <summary><c>[count, dim]</c>, or none.</summary>
    public float[] OutputGradient { get; }

    /// <summary>All elements of the table, row-major.</summary>
    public ReadOnlySpan<float> Elements => ElementsOf(Table);

    public static WorkloadData Create(Workload workload)
    {
        EmbeddingTable table = EmbeddingTable.Create(workload.Rows, workload.Dim, Initializer.Uniform(Seed, -1, 1));
        if (workload.Codec == RowCodec.Float32) return new(workload, table, null);
        EmbeddingTable compact = table.ConvertTo(workload.Codec);
        table.Dispose();
        return new(workload, compact.ConvertTo(RowCodec.Float32), compact);
    }

    public void Dispose()
    {
        Table.Dispose();
        Compact?.Dispose();
    }

    public static ReadOnlySpan<float> ElementsOf(EmbeddingTable table) =>
        MemoryMarshal.CreateReadOnlySpan(in MemoryMarshal.GetReference(table.GetRow(0)), checked((int)(table.RowCount * table.Dim)));

    private static float[] Floats(Random random, int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (random.NextSingle() * 2) - 1;
        return values;
    }
}
