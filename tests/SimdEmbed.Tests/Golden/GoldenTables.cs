namespace SimdEmbed.Tests.Golden;

/// <summary>Whole tables as arrays, to compare.</summary>
internal static class GoldenTables
{
    public static float[] AllRows(this EmbeddingTable table)
    {
        float[] values = new float[table.RowCount * table.Dim];
        for (int row = 0; row < table.RowCount; row++) table.CopyRowTo(row, values.AsSpan(row * table.Dim, table.Dim));
        return values;
    }

    public static float[] AllRows(this DenseGradient gradient)
    {
        float[] values = new float[gradient.Table.RowCount * gradient.Table.Dim];
        gradient.AsTensorSpan().FlattenTo(values);
        return values;
    }
}
