namespace SimdEmbed.Reference;

/// <summary>The definition of right for <c>nn.EmbeddingBag</c>: one bag, one index, one column at a time.</summary>
/// <param name="rows">Rows of the table.</param>
/// <param name="dim">Columns of the table.</param>
/// <param name="pooling">How a bag's rows become one.</param>
/// <param name="options">Padding, limits, frequency.</param>
/// <param name="pow">The power that norms are taken with.</param>
public sealed class ReferenceEmbeddingBag(int rows, int dim, ReferencePooling pooling, ReferenceOptions options, Func<double, double, double> pow)
{
    /// <summary>Pools bags; a limit on the table changes <paramref name="weight"/>. Winners are -1 where a bag is empty.</summary>
    public float[] Forward(
        float[] weight,      // [rows, dim]
        long[] indices,      // [n]; outside 0 .. rows - 1 is unknown
        int[] starts,        // [count + 1], from 0 to n
        float[]? factors,    // [n], or none
        long[] winners)      // [count, dim], for max
    {
        if (options.MaxNorm is { } limit && !options.LimitOutput)
        {
            foreach (long row in new SortedSet<long>(indices))
            {
                if (row >= 0 && row < rows) ReferenceNorm.Limit(weight.AsSpan((int)row * dim, dim), limit, options.NormType, pow);
            }
        }

        int count = starts.Length - 1;
        float[] output = new float[count * dim];  // [count, dim]
        for (int bag = 0; bag < count; bag++)
        {
            float divisor = Divisor(indices, starts, factors, bag);
            float[][] read = Array.ConvertAll(indices[starts[bag]..starts[bag + 1]], index => IsPooled(index) ? Read(weight, index) : []);
            for (int j = 0; j < dim; j++)
            {
                float pooled = 0;
                long winner = -1;
                for (int i = starts[bag]; i < starts[bag + 1]; i++)
                {
                    if (!IsPooled(indices[i])) continue;
                    float x = read[i - starts[bag]][j];
                    if (pooling == ReferencePooling.Max)
                    {
                        if (winner >= 0 && !(x > pooled)) continue;
                        pooled = x;
                        winner = indices[i];
                    }
                    else
                    {
                        pooled += factors is null ? x : x * factors[i];
                    }
                }

                if (pooling is ReferencePooling.Mean or ReferencePooling.SqrtN) pooled = divisor == 0 ? 0 : pooled / divisor;
                output[(bag * dim) + j] = pooled;
                if (pooling == ReferencePooling.Max) winners[(bag * dim) + j] = winner;
            }
        }

        return output;
    }

    /// <summary>
    /// Sums bags of rows that have a scale and a bias: the codes times the row's factors, in order, and then all biases at once.
    /// </summary>
    public float[] ForwardCodes(
        ReferenceRow[] table,  // [rows]
        long[] indices,        // [n]
        int[] starts,          // [count + 1]
        float[]? factors)      // [n], or none
    {
        int count = starts.Length - 1;
        float[] output = new float[count * dim];  // [count, dim]
        for (int bag = 0; bag < count; bag++)
        {
            float divisor = Divisor(indices, starts, factors, bag);
            float[] sums = new float[dim];
            float biases = 0;
            for (int i = starts[bag]; i < starts[bag + 1]; i++)
            {
                if (!IsPooled(indices[i])) continue;
                ReferenceRow row = table[indices[i]];
                float scale = row.Scale;
                float bias = row.Bias;
                if (options is { LimitOutput: true, MaxNorm: { } limit })
                {
                    float limiting = Scale(row.Decode(), limit);
                    scale *= limiting;
                    bias *= limiting;
                }

                if (factors is not null)
                {
                    scale *= factors[i];
                    bias *= factors[i];
                }

                for (int j = 0; j < dim; j++) sums[j] += row.Codes[j] * scale;
                biases += bias;
            }

            for (int j = 0; j < dim; j++)
            {
                float pooled = sums[j] + biases;
                if (pooling is ReferencePooling.Mean or ReferencePooling.SqrtN) pooled = divisor == 0 ? 0 : pooled / divisor;
                output[(bag * dim) + j] = pooled;
            }
        }

        return output;
    }

    /// <summary>The gradient of every row.</summary>
    public float[] Backward(
        long[] indices,          // [n]
        int[] starts,            // [count + 1]
        float[]? factors,        // [n], or none
        float[] outputGradient,  // [count, dim]
        long[] winners)          // [count, dim], for max
    {
        float[] gradient = new float[rows * dim];  // [rows, dim]
        int[] counts = new int[rows];
        for (int bag = 0; bag < starts.Length - 1; bag++)
        {
            float divisor = Divisor(indices, starts, factors, bag);
            for (int i = starts[bag]; i < starts[bag + 1]; i++)
            {
                if (!IsPooled(indices[i])) continue;
                counts[indices[i]]++;
                float factor = factors is null ? 1 : factors[i];
                float share = divisor == 0 ? 0 : factor / divisor;
                for (int j = 0; j < dim && pooling != ReferencePooling.Max; j++)
                {
                    gradient[(indices[i] * dim) + j] += outputGradient[(bag * dim) + j] * share;
                }
            }

            for (int j = 0; j < dim && pooling == ReferencePooling.Max; j++)
            {
                long winner = winners[(bag * dim) + j];
                if (winner >= 0) gradient[(winner * dim) + j] += outputGradient[(bag * dim) + j];
            }
        }

        for (int row = 0; row < rows && options.ScaleByFrequency; row++)
        {
            for (int j = 0; j < dim && counts[row] > 0; j++) gradient[(row * dim) + j] /= counts[row];
        }

        return gradient;
    }

    /// <summary>The gradient of the factors, from the table as it is.</summary>
    public float[] FactorsGradient(
        float[] weight,          // [rows, dim]
        long[] indices,          // [n]
        int[] starts,            // [count + 1]
        float[] factors,         // [n]
        float[] outputGradient)  // [count, dim]
    {
        float[] gradient = new float[indices.Length];  // [n]
        for (int bag = 0; bag < starts.Length - 1; bag++)
        {
            float divisor = Divisor(indices, starts, factors, bag);
            float weighted = 0;
            for (int i = starts[bag]; i < starts[bag + 1]; i++)
            {
                if (!IsPooled(indices[i])) continue;
                ReadOnlySpan<float> row = weight.AsSpan((int)indices[i] * dim, dim);
                gradient[i] = ReferenceMath.Dot(row, outputGradient.AsSpan(bag * dim, dim));
                if (options is { LimitOutput: true, MaxNorm: { } limit }) gradient[i] *= Scale(row, limit);
                weighted += factors[i] * gradient[i];
            }

            for (int i = starts[bag]; i < starts[bag + 1] && pooling != ReferencePooling.Sum; i++)
            {
                if (!IsPooled(indices[i])) continue;
                float projection = pooling == ReferencePooling.Mean ? weighted / divisor : factors[i] * (weighted / (divisor * divisor));
                gradient[i] = divisor == 0 ? 0 : (gradient[i] - projection) / divisor;
            }
        }

        return gradient;
    }

    /// <summary>The rows that receive a gradient, ascending: for max those that win a column.</summary>
    public long[] TouchedRows(long[] indices, long[] winners) =>
        ReferenceEmbedding.TouchedRows(Array.FindAll(pooling == ReferencePooling.Max ? winners : indices, IsPooled));

    private bool IsPooled(long index) => index >= 0 && index < rows && index != options.PaddingRow;

    private float Divisor(long[] indices, int[] starts, float[]? factors, int bag)
    {
        if (pooling is ReferencePooling.Sum or ReferencePooling.Max) return 1;
        float sum = 0;
        for (int i = starts[bag]; i < starts[bag + 1]; i++)
        {
            if (!IsPooled(indices[i])) continue;
            float factor = factors is null ? 1 : factors[i];
            sum += pooling == ReferencePooling.Mean ? factor : factor * factor;
        }

        return pooling == ReferencePooling.Mean ? sum : (float)Math.Sqrt(sum);
    }

    private float[] Read(float[] weight, long index)
    {
        float[] row = weight.AsSpan((int)index * dim, dim).ToArray();
        if (options is { LimitOutput: true, MaxNorm: { } limit }) ReferenceNorm.Limit(row, limit, options.NormType, pow);
        return row;
    }

    private float Scale(ReadOnlySpan<float> row, float limit) => ReferenceNorm.Scale(row, limit, options.NormType, pow);
}
