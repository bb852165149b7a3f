namespace SimdEmbed.Reference;

/// <summary>The first step of optimizers that remember: from an empty memory, so that none is needed here.</summary>
public static class ReferenceFirstStep
{
    /// <summary>Adagrad: the sum of squares is the gradient's own.</summary>
    public static void Adagrad(
        float[] weight,    // [n]
        float[] gradient,  // [n]
        float learningRate,
        float epsilon)
    {
        for (int i = 0; i < weight.Length; i++)
        {
            double root = Math.Sqrt((double)gradient[i] * gradient[i]);
            weight[i] -= (float)(learningRate * gradient[i] / (root + epsilon));
        }
    }

    /// <summary>SparseAdam: both means, corrected for having begun at zero, are the gradient and its square.</summary>
    public static void SparseAdam(
        float[] weight,    // [n]
        float[] gradient,  // [n]
        float learningRate,
        float epsilon,
        double beta2 = 0.999)
    {
        for (int i = 0; i < weight.Length; i++)
        {
            // The epsilon is added before the correction, as PyTorch does.
            double root = Math.Sqrt((1 - beta2) * gradient[i] * gradient[i]);
            weight[i] -= (float)(learningRate * Math.Sqrt(1 - beta2) * gradient[i] / (root + epsilon));
        }
    }
}
