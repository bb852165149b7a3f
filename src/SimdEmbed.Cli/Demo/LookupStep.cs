namespace SimdEmbed.Cli;

/// <summary>What was looked up: <c>Output[b][i]</c> is the row of <c>Indices[b][i]</c>.</summary>
internal sealed record LookupResult(string Embedding, int[][] Indices, int[] Shape, float[][][] Output, float[][] TableRows);

/// <summary>The lookup of two times four rows.</summary>
internal static class LookupStep
{
    private const int TableRowsShown = 6;

    private static readonly int[][] s_indices = [[1, 2, 4, 5], [4, 3, 2, 3]];

    public static LookupResult Run(Embedding embedding)
    {
        int dim = embedding.EmbeddingDim;
        int[][] indices = Array.ConvertAll(s_indices, batch => Array.ConvertAll(batch, index => (int)(index % embedding.NumEmbeddings)));
        int[] flat = [.. indices[0], .. indices[1]];
        if ((long)flat.Length * dim > Array.MaxLength) throw new InvalidDataException($"rows of {dim} floats are too wide to print.");
        float[] output = new float[flat.Length * dim];
        embedding.Forward<int>(flat, output);

        float[][] rows = [.. output.Chunk(dim)];
        return new LookupResult(
            embedding.ToString(),
            indices,
            [indices.Length, indices[0].Length, dim],
            [.. rows.Chunk(indices[0].Length)],
            FirstRows(embedding.Weight, TableRowsShown));
    }

    public static float[][] FirstRows(EmbeddingTable table, int count)
    {
        float[][] rows = new float[long.Min(count, table.RowCount)][];
        for (int row = 0; row < rows.Length; row++) rows[row] = table.GetRow(row).ToArray();
        return rows;
    }
}
