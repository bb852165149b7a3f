using System.Numerics.Tensors;

namespace SimdEmbed.Perf;

/// <summary>What a call comes to, in a form that everybody who is measured can give, so that nobody is timed doing less.</summary>
internal static class Outcome
{
    /// <summary>How many rows of a loaded table are compared.</summary>
    public const int RowsOfTable = 1000;

    /// <summary>Additions in another order may differ by so much of the largest element.</summary>
    private const float Tolerance = 2e-5f;

    /// <summary>PyTorch gives sums of half-width rows in half width.</summary>
    private const float HalfTolerance = 4e-3f;

    /// <summary>The distinct rows of the first batch, ascending: what a gradient or step touches.</summary>
    public static int[] Touched(WorkloadData data) => [.. data.Batches[0].Distinct().Order()];

    /// <summary>Those rows of a table or dense gradient, whose elements are row-major.</summary>
    public static float[] TouchedRows(ReadOnlySpan<float> elements, WorkloadData data)
    {
        int[] rows = Touched(data);
        int dim = data.Workload.Dim;
        float[] values = new float[rows.Length * dim];
        for (int i = 0; i < rows.Length; i++) elements.Slice(rows[i] * dim, dim).CopyTo(values.AsSpan(i * dim));
        return values;
    }

    public static float[] FirstRows(EmbeddingTable table) =>
        WorkloadData.ElementsOf(table)[..((int)long.Min(table.RowCount, RowsOfTable) * table.Dim)].ToArray();

    /// <summary>Null when they are alike, or what is different.</summary>
    public static string? Difference(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, Workload workload)
    {
        float tolerance = workload.Codec is RowCodec.Float16 or RowCodec.BFloat16 ? HalfTolerance : Tolerance;
        if (expected.Length != actual.Length) return $"{actual.Length} numbers instead of {expected.Length}";
        float largest = expected.IsEmpty ? 0 : TensorPrimitives.MaxMagnitude(expected);
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(MathF.Abs(expected[i] - actual[i]) <= tolerance * MathF.Abs(largest))) return $"{actual[i]} instead of {expected[i]} at {i}";
        }

        return null;
    }
}
