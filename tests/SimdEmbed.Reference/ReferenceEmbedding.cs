namespace SimdEmbed.Reference;

/// <summary>The definition of right for <c>nn.Embedding</c>: one loop per axis, no vectors, no threads.</summary>
public static class ReferenceEmbedding
{
    /// <summary>Looks rows up.</summary>
    public static float[] Forward(
        float[] weight,  // [numEmbeddings, dim]
        int dim,
        long[] indices)  // [n]
    {
        float[] output = new float[indices.Length * dim];  // [n, dim]
        for (int i = 0; i < indices.Length; i++)
        {
            for (int j = 0; j < dim; j++) output[(i * dim) + j] = weight[(indices[i] * dim) + j];
        }

        return output;
    }

    /// <summary>The gradient of every row: a sum from +0.0 in batch order.</summary>
    public static float[] Backward(
        int numEmbeddings,
        int dim,
        long[] indices,           // [n]
        float[] outputGradient)   // [n, dim]
    {
        float[] gradient = new float[numEmbeddings * dim];  // [numEmbeddings, dim]
        for (int i = 0; i < indices.Length; i++)
        {
            for (int j = 0; j < dim; j++) gradient[(indices[i] * dim) + j] += outputGradient[(i * dim) + j];
        }

        return gradient;
    }

    /// <summary>The distinct rows of a batch, ascending.</summary>
    public static long[] TouchedRows(long[] indices)
    {
        SortedSet<long> rows = [.. indices];
        return [.. rows];
    }
}
