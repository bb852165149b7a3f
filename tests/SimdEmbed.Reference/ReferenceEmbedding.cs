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

    /// <summary>Looks rows up with every option. A limit on the table changes <paramref name="weight"/>.</summary>
    public static float[] Forward(
        float[] weight,  // [rows, dim]
        int rows,
        int dim,
        long[] indices,  // [n]; outside 0 .. rows - 1 is unknown
        ReferenceOptions options,
        Func<double, double, double> pow)
    {
        long[] read = Array.ConvertAll(indices, i => IsRow(i, rows) ? i : options.UnknownReadsPadding ? options.PaddingRow : -1);
        if (options.MaxNorm is { } limit && !options.LimitOutput)
        {
            foreach (long row in new SortedSet<long>(read))
            {
                if (row >= 0) ReferenceNorm.Limit(weight.AsSpan((int)row * dim, dim), limit, options.NormType, pow);
            }
        }

        float[] output = new float[indices.Length * dim];  // [n, dim]
        for (int i = 0; i < read.Length; i++)
        {
            if (read[i] < 0) continue;
            for (int j = 0; j < dim; j++) output[(i * dim) + j] = weight[(read[i] * dim) + j];
            if (options.MaxNorm is { } outputLimit && options.LimitOutput)
            {
                ReferenceNorm.Limit(output.AsSpan(i * dim, dim), outputLimit, options.NormType, pow);
            }
        }

        return output;
    }

    /// <summary>The gradient with every option: nothing for the padding row and unknown indices.</summary>
    public static float[] Backward(
        int rows,
        int dim,
        long[] indices,          // [n]
        float[] outputGradient,  // [n, dim]
        ReferenceOptions options)
    {
        float[] gradient = new float[rows * dim];  // [rows, dim]
        int[] counts = new int[rows];
        for (int i = 0; i < indices.Length; i++)
        {
            if (!Learns(indices[i], rows, options)) continue;
            counts[indices[i]]++;
            for (int j = 0; j < dim; j++) gradient[(indices[i] * dim) + j] += outputGradient[(i * dim) + j];
        }

        for (int row = 0; row < rows && options.ScaleByFrequency; row++)
        {
            for (int j = 0; j < dim && counts[row] > 0; j++) gradient[(row * dim) + j] /= counts[row];
        }

        return gradient;
    }

    /// <summary>The rows that a batch gives a gradient to, ascending.</summary>
    public static long[] TouchedRows(long[] indices, int rows, ReferenceOptions options) =>
        TouchedRows(Array.FindAll(indices, i => Learns(i, rows, options)));

    private static bool IsRow(long index, int rows) => index >= 0 && index < rows;

    private static bool Learns(long index, int rows, ReferenceOptions options) => IsRow(index, rows) && index != options.PaddingRow;
}
