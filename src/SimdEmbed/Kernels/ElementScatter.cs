namespace SimdEmbed.Kernels;

/// <summary>The backward pass of max pooling: every element of the output gradient goes to the row that won its column.</summary>
internal static unsafe class ElementScatter
{
    /// <summary>
    /// For each bag of <paramref name="plan"/>, whose indices are element numbers of <paramref name="source"/>:
    /// <c>output[bag, e mod dim] = 0.0 + source[e / dim, e mod dim] + ...</c> in order, divided by the bag's divisor.
    /// </summary>
    public static void Run(in RowView source, in BagPlan<int> plan, float* output)
    {
        int dim = source.Dim;
        for (int bag = 0; bag < plan.Count; bag++)
        {
            float* target = output + ((plan.Targets == null ? bag : (nint)plan.Targets[bag]) * plan.OutputStride);
            new Span<float>(target, dim).Clear();
            for (int i = plan.Offsets[bag]; i < plan.Offsets[bag + 1]; i++)
            {
                int element = plan.Indices[i];
                (int row, int column) = int.DivRem(element, dim);
                target[column] += ((float*)(source.Rows + (row * source.Stride)))[column];
            }

            if (plan.Divisors != null) Elementwise.Divide(target, plan.Divisors[bag], dim);
        }
    }
}
