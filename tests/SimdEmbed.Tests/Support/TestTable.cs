namespace SimdEmbed.Tests.Support;

/// <summary>Tables from arrays and back.</summary>
internal static class TestTable
{
    public static EmbeddingTable From(ReadOnlySpan<float> values, long rows, int dim, RowCodec codec = RowCodec.Float32)
    {
        EmbeddingTable table = new(rows, dim, codec);
        for (int row = 0; row < rows; row++) table.SetRow(row, values.Slice(row * dim, dim));
        return table;
    }

    public static float[] Values(EmbeddingTable table)
    {
        float[] values = new float[table.RowCount * table.Dim];
        for (int row = 0; row < table.RowCount; row++) table.CopyRowTo(row, values.AsSpan(row * table.Dim, table.Dim));
        return values;
    }

    public static float[] Values(DenseGradient gradient)
    {
        float[] values = new float[gradient.Table.RowCount * gradient.Table.Dim];
        gradient.AsTensorSpan().FlattenTo(values);
        return values;
    }
}
