namespace SimdEmbed.Cli;

/// <summary>The fixed vector behind the embedding.</summary>
internal static class RandomVector
{
    /// <summary>[dim, 1] from N(0, 1), with another seed than the table's: its first row would be the same numbers.</summary>
    public static float[] Create(int dim, ulong seed)
    {
        using EmbeddingTable row = EmbeddingTable.Create(1, dim, Initializer.Normal(unchecked(seed + 1)));
        return row.GetRow(0).ToArray();
    }
}
