using System.Text.Json;
using static SimdEmbed.Tests.Golden.GoldenCompare;

namespace SimdEmbed.Tests.Golden;

/// <summary>The cases of <c>nn.EmbeddingBag</c>: forward, winners, and the gradients of rows and weights.</summary>
internal static class GoldenBags
{
    public static string? Run(GoldenCase golden)
    {
        golden.RequireOnly(
            ["mode", "include_last_offset", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"],
            ["weight", "indices", "offsets", "per_sample_weights", "grad_output"],
            ["output", "weight_after", "max_rows", "grad_weight", "grad_weight_documented", "grad_per_sample_weights", "error"]);
        Pooling pooling = golden.Params.GetProperty("mode").GetString() switch
        {
            "sum" => Pooling.Sum,
            "mean" => Pooling.Mean,
            "max" => Pooling.Max,
            string mode => throw new GoldenException($"unknown mode '{mode}'"),
            null => throw new GoldenException("no mode"),
        };
        JsonElement maxNorm = golden.Params.GetProperty("max_norm");
        EmbeddingOptions options = new()
        {
            PaddingIndex = golden.NullableParam("padding_idx"),
            MaxNorm = maxNorm.ValueKind == JsonValueKind.Null ? null : GoldenTensor.ParseFloat(maxNorm),
            NormType = GoldenTensor.ParseFloat(golden.Params.GetProperty("norm_type")),
            ScaleGradByFrequency = golden.Flag("scale_grad_by_freq"),
            Sparse = golden.Flag("sparse"),
        };
        GoldenTensor indices = GoldenTensor.Parse(golden.Inputs.GetProperty("indices"));
        JsonElement offsets = golden.Inputs.GetProperty("offsets");
        using EmbeddingBag bag = new(GoldenTensor.Parse(golden.Inputs.GetProperty("weight")).ToTable(), pooling, options);
        Case run = new(golden, bag, options, offsets.ValueKind == JsonValueKind.Null ? null : GoldenTensor.Parse(offsets));
        if (golden.Expected.TryGetProperty("error", out JsonElement error))
        {
            if (indices.Shape is [_, 0]) return RefusesEmptyColumns(indices);
            if (options is not { Sparse: true, ScaleGradByFrequency: true }) throw new GoldenException($"PyTorch refuses this: {error}");
        }

        if (indices.Dtype == "int32") run.Check<int>(indices.Ints(), indices.Shape);
        else run.Check<long>(indices.Longs(), indices.Shape);
        return null;
    }

    private static string? RefusesEmptyColumns(GoldenTensor indices)
    {
        try
        {
            _ = Bags<long>.FixedLength(indices.Longs(), 0);
        }
        catch (ArgumentOutOfRangeException)
        {
            return null;
        }

        throw new GoldenException("bags of a fixed length of 0 are not refused");
    }

    private sealed class Case(GoldenCase golden, EmbeddingBag bag, EmbeddingOptions options, GoldenTensor? offsets)
    {
        private readonly float[]? _weights = Optional(golden.Inputs, "per_sample_weights");

        public void Check<TIndex>(TIndex[] indices, int[] shape)
            where TIndex : unmanaged, System.Numerics.IBinaryInteger<TIndex>
        {
            Bags<TIndex> bags = offsets is null
                ? Bags<TIndex>.FixedLength(indices, shape[1])
                : offsets.Dtype == "int32"
                    ? Bags<TIndex>.FromOffsets(indices, offsets.Ints(), golden.Flag("include_last_offset"))
                    : Bags<TIndex>.FromOffsets(indices, offsets.Longs(), golden.Flag("include_last_offset"));
            if (_weights is not null) bags = bags.WithWeights(_weights);
            int elements = bags.Count * bag.EmbeddingDim;
            float[] output = new float[elements];
            long[] winners = new long[bag.Pooling == Pooling.Max ? elements : 0];
            bag.Forward(bags, output, winners);
            if (golden.Expected.TryGetProperty("output", out JsonElement expected)) CheckOutput(GoldenTensor.Parse(expected).Floats(), output, indices.Length);
            if (Optional(golden.Expected, "weight_after") is { } after) WithinUlps(after, bag.Weight.AllRows(), 4 + (bag.EmbeddingDim / 16.0), "weight");
            if (golden.Expected.TryGetProperty("max_rows", out JsonElement rows)) CheckWinners(GoldenTensor.Parse(rows).Longs(), winners, output);
            if (Optional(golden.Inputs, "grad_output") is { } outputGradient) CheckGradients(bags, indices, outputGradient, winners);
        }

        private void CheckOutput(float[] expected, float[] output, int additions)
        {
            // PyTorch multiplies and adds in one rounding where there is no padding; and a limited row differs by its norm's ulps.
            bool exact = options.MaxNorm is null && (_weights is null || options.PaddingIndex is not null);
            if (exact)
            {
                Same(expected, output, "output");
                return;
            }

            double largest = bag.Weight.AllRows().Where(float.IsFinite).Select(x => Math.Abs((double)x)).DefaultIfEmpty().Max();
            double weight = _weights is null ? 1 : _weights.Select(w => Math.Abs((double)w)).DefaultIfEmpty().Max();
            double ulps = 2 + (options.MaxNorm is null ? 0 : 4 + (bag.EmbeddingDim / 16.0));
            double allowed = ulps * additions * 2 * HalfUlp * largest * weight;
            Within(expected, output, allowed, "output");
        }

        /// <summary>
        /// Where rows are limited to one norm, their largest elements may be the same number but for the rounding of the limit; then
        /// PyTorch's winner is taken over, so that the gradients can be compared.
        /// </summary>
        private void CheckWinners(long[] expected, long[] winners, float[] output)
        {
            int dim = bag.EmbeddingDim;
            double ulps = 4 + (dim / 16.0);
            for (int i = 0; i < expected.Length; i++)
            {
                // PyTorch has row 0 where a bag is empty; here it is -1.
                bool none = winners[i] == -1 && expected[i] == 0 && output[i] == 0;
                if (winners[i] == expected[i] || none) continue;
                bool tie = options.MaxNorm is not null && Math.Abs(Order(bag.Weight.GetRow(expected[i])[i % dim]) - Order(output[i])) <= ulps;
                if (!tie) throw new GoldenException($"winner {i} is row {winners[i]}, not {expected[i]}");
                winners[i] = expected[i];
            }
        }

        private void CheckGradients<TIndex>(Bags<TIndex> bags, TIndex[] indices, float[] outputGradient, long[] winners)
            where TIndex : unmanaged, System.Numerics.IBinaryInteger<TIndex>
        {
            using DenseGradient dense = new(bag.Weight);
            using SparseGradient sparse = new(bag.Weight);
            float[]? expectedWeights = Optional(golden.Expected, "grad_per_sample_weights");
            float[] weightsGradient = new float[expectedWeights?.Length ?? 0];
            bag.Backward(bags, outputGradient, dense, winners, weightsGradient);
            bag.Backward(bags, outputGradient, sparse, winners);
            float[] values = dense.AllRows();
            float[] spread = new float[values.Length];
            for (int i = 0; i < sparse.Rows.Length; i++) sparse.GetValues(i).CopyTo(spread.AsSpan((int)sparse.Rows[i] * bag.EmbeddingDim));
            Same(values, spread, "sparse gradient beside the dense one");
            if (expectedWeights is not null) CheckWeightsGradient(bags, outputGradient, expectedWeights, weightsGradient);

            // PyTorch adds a row's terms in the order of an unstable sort, here they are added in batch order.
            using DenseGradient absolute = new(bag.Weight);
            Bags<TIndex> positive = _weights is null ? bags : bags.WithWeights([.. _weights.Select(Math.Abs)]);
            bag.Backward(positive, [.. outputGradient.Select(Math.Abs)], absolute, winners);
            int most = indices.GroupBy(index => index).Select(group => group.Count()).DefaultIfEmpty().Max();
            float[] magnitudes = absolute.AllRows();

            string name = golden.Expected.TryGetProperty("grad_weight_documented", out _) ? "grad_weight_documented" : "grad_weight";
            if (!golden.Expected.TryGetProperty(name, out JsonElement expected)) return;
            if (expected.TryGetProperty("coalesced", out JsonElement coalesced))
            {
                long[] rows = [.. coalesced.GetProperty("rows").EnumerateArray().Select(row => row.GetInt64())];
                if (!sparse.Rows.SequenceEqual(rows)) throw new GoldenException("other rows are touched");
                float[] touched = [.. rows.SelectMany(row => magnitudes.AsSpan((int)row * bag.EmbeddingDim, bag.EmbeddingDim).ToArray())];
                NearTerms(GoldenTensor.Parse(coalesced.GetProperty("values")).Floats(), sparse.Values, 1e-5, touched, most, "gradient value");
            }
            else
            {
                JsonElement tensor = expected.TryGetProperty("dense", out JsonElement wrapped) ? wrapped : expected;
                NearTerms(GoldenTensor.Parse(tensor).Floats(), values, 1e-5, magnitudes, most, "gradient");
            }
        }

        /// <summary>A weight's gradient is a product of a row and an output gradient; its terms are those of their absolute values.</summary>
        private void CheckWeightsGradient<TIndex>(Bags<TIndex> bags, float[] outputGradient, float[] expected, float[] actual)
            where TIndex : unmanaged, System.Numerics.IBinaryInteger<TIndex>
        {
            EmbeddingTable table = new(bag.NumEmbeddings, bag.EmbeddingDim);
            for (long row = 0; row < table.RowCount; row++) table.SetRow(row, [.. bag.Weight.GetRow(row).ToArray().Select(Math.Abs)]);
            using EmbeddingBag absolute = new(table, bag.Pooling);
            using SparseGradient ignored = new(table);
            float[] magnitudes = new float[actual.Length];
            absolute.Backward(bags, [.. outputGradient.Select(Math.Abs)], ignored, weightsGradient: magnitudes);
            NearTerms(expected, actual, 1e-5, magnitudes, bag.EmbeddingDim, "gradient of the weights");
        }

        private static float[]? Optional(JsonElement element, string name) =>
            element.TryGetProperty(name, out JsonElement tensor) && tensor.ValueKind != JsonValueKind.Null ? GoldenTensor.Parse(tensor).Floats() : null;
    }
}
