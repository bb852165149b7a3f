namespace SimdEmbed.Reference;

/// <summary>Losses, products and optimizer steps, element by element.</summary>
public static class ReferenceMath
{
    /// <summary>A sum of products, which go to 16 lanes in turn; these are then added 8, 4, 2 and 1 apart.</summary>
    public static float Dot(
        ReadOnlySpan<float> left,   // [n]
        ReadOnlySpan<float> right)  // [n]
    {
        float[] lanes = new float[16];
        for (int j = 0; j < left.Length; j++) lanes[j % 16] += left[j] * right[j];
        for (int apart = 8; apart >= 1; apart /= 2)
        {
            for (int lane = 0; lane < apart; lane++) lanes[lane] += lanes[lane + apart];
        }

        return lanes[0];
    }

    /// <summary>The mean squared error.</summary>
    public static float MeanSquaredError(
        float[] prediction,  // [n]
        float[] target)      // [n]
    {
        float[] differences = [.. prediction.Zip(target, (x, y) => x - y)];
        return Dot(differences, differences) / prediction.Length;
    }

    /// <summary>Its gradient with respect to the prediction.</summary>
    public static float[] MeanSquaredErrorGradient(
        float[] prediction,  // [n]
        float[] target)      // [n]
    {
        float scale = 2f / prediction.Length;
        float[] gradient = new float[prediction.Length];  // [n]
        for (int i = 0; i < prediction.Length; i++) gradient[i] = (prediction[i] - target[i]) * scale;
        return gradient;
    }

    /// <summary>The product of two matrices, each element a sum from +0.0 in ascending order.</summary>
    public static float[] Product(
        float[] left,   // [n, inner]
        float[] right,  // [inner, m]
        int n,
        int inner,
        int m)
    {
        float[] product = new float[n * m];  // [n, m]
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < m; j++)
            {
                for (int k = 0; k < inner; k++) product[(i * m) + j] += left[(i * inner) + k] * right[(k * m) + j];
            }
        }

        return product;
    }

    /// <summary>Rows become columns.</summary>
    public static float[] Transpose(
        float[] matrix,  // [n, m]
        int n,
        int m)
    {
        float[] transposed = new float[n * m];  // [m, n]
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < m; j++) transposed[(j * n) + i] = matrix[(i * m) + j];
        }

        return transposed;
    }

    /// <summary>Plain gradient descent on the touched rows.</summary>
    public static void Sgd(
        float[] weight,    // [numEmbeddings, dim]
        float[] gradient,  // [numEmbeddings, dim]
        int dim,
        long[] touchedRows,
        float learningRate)
    {
        foreach (long row in touchedRows)
        {
            for (int j = 0; j < dim; j++)
            {
                float step = learningRate * gradient[(row * dim) + j];
                weight[(row * dim) + j] -= step;
            }
        }
    }
}
