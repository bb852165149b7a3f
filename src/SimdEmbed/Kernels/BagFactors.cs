namespace SimdEmbed.Kernels;

/// <summary>The numbers, one per bag or index, by which mean and sqrt-n pooling differ from a sum.</summary>
internal static unsafe class BagFactors
{
    /// <summary>Mean's divisors: how many indices a bag has, or the sum of its weights, added in order.</summary>
    public static void WriteTotals(int* starts, float* weights, int count, float* divisors)
    {
        for (int bag = 0; bag < count; bag++)
        {
            float sum = starts[bag + 1] - starts[bag];
            if (weights != null)
            {
                sum = 0;
                for (int i = starts[bag]; i < starts[bag + 1]; i++) sum += weights[i];
            }

            divisors[bag] = sum;
        }
    }

    /// <summary>Sqrt-n's divisors: the root of how many indices a bag has, or of the sum of its squared weights.</summary>
    public static void WriteRoots(int* starts, float* weights, int count, float* divisors)
    {
        for (int bag = 0; bag < count; bag++)
        {
            float sum = starts[bag + 1] - starts[bag];
            if (weights != null)
            {
                sum = 0;
                for (int i = starts[bag]; i < starts[bag + 1]; i++) sum += weights[i] * weights[i];
            }

            divisors[bag] = (float)Math.Sqrt(sum);
        }
    }

    /// <summary>
    /// What each index passes of its bag's gradient to its row, <c>weight / divisor</c>: zeros where the divisor is 0, because
    /// there the output is.
    /// </summary>
    public static void WriteShares(int* starts, float* weights, float* divisors, int count, float* shares)
    {
        for (int bag = 0; bag < count; bag++)
        {
            float divisor = divisors == null ? 1 : divisors[bag];
            for (int i = starts[bag]; i < starts[bag + 1]; i++)
            {
                float weight = weights == null ? 1 : weights[i];
                shares[i] = divisor == 0 ? 0 : weight / divisor;
            }
        }
    }

    /// <summary>
    /// Turns <c>dots[i] = g . x_i</c> into the gradients of a mean's weights. With <c>W = sum(w)</c> and <c>D = sum(w_i dots[i])</c>:
    /// <c>(dots[i] - D / W) / W</c>.
    /// </summary>
    public static void DifferentiateMean(int* starts, float* weights, float* totals, int count, float* dots)
    {
        for (int bag = 0; bag < count; bag++)
        {
            float total = totals[bag];
            float mean = WeightedSum(starts, weights, bag, dots) / total;
            for (int i = starts[bag]; i < starts[bag + 1]; i++) dots[i] = total == 0 ? 0 : (dots[i] - mean) / total;
        }
    }

    /// <summary>The same for sqrt-n. With <c>R = sqrt(sum(w^2))</c>: <c>(dots[i] - w_i (D / (R R))) / R</c>.</summary>
    public static void DifferentiateRoot(int* starts, float* weights, float* roots, int count, float* dots)
    {
        for (int bag = 0; bag < count; bag++)
        {
            float root = roots[bag];
            float projection = WeightedSum(starts, weights, bag, dots) / (root * root);
            for (int i = starts[bag]; i < starts[bag + 1]; i++)
            {
                dots[i] = root == 0 ? 0 : (dots[i] - (weights[i] * projection)) / root;
            }
        }
    }

    private static float WeightedSum(int* starts, float* weights, int bag, float* dots)
    {
        float sum = 0;
        for (int i = starts[bag]; i < starts[bag + 1]; i++) sum += weights[i] * dots[i];
        return sum;
    }
}
