using System.Globalization;
using System.Text.Json;
using static SimdEmbed.Tests.Golden.GoldenCompare;

namespace SimdEmbed.Tests.Golden;

/// <summary>Runs one golden case through the public API; returns null, or why the case is deferred. A mismatch throws.</summary>
internal static class GoldenFamilies
{
    public static string? Run(string family, GoldenCase golden) => family switch
    {
        "embedding_forward" => Forward(golden),
        "embedding_renorm" => Renorm(golden),
        "embedding_backward" => Backward(golden),
        "embedding_bag" => GoldenBags.Run(golden),
        "optim" => GoldenOptimizers.Run(golden),
        "blog_train" => golden.Params.TryGetProperty("optimizer", out _) ? Train(golden) : Forward(golden),
        "init" => GoldenInit.Run(golden),
        "losses_and_ops" => GoldenLosses.Run(golden),
        "quant" => GoldenQuant.Run(golden),
        _ => $"the library has no {family} yet",
    };

    private static string? Forward(GoldenCase golden)
    {
        golden.RequireOnly(
            ["num_embeddings", "embedding_dim", "padding_idx"], ["weight", "indices"], ["output", "normalized_padding_idx"]);
        GoldenTensor indices = GoldenTensor.Parse(golden.Inputs.GetProperty("indices"));
        GoldenTensor expected = GoldenTensor.Parse(golden.Expected.GetProperty("output"));
        using Embedding embedding = new(
            GoldenTensor.Parse(golden.Inputs.GetProperty("weight")).ToTable(), new EmbeddingOptions { PaddingIndex = golden.NullableParam("padding_idx") });
        JsonElement padding = golden.Expected.GetProperty("normalized_padding_idx");
        long? expectedPadding = padding.ValueKind == JsonValueKind.Null ? null : padding.GetInt64();
        if (embedding.PaddingIndex != expectedPadding) throw new GoldenException($"PaddingIndex is {embedding.PaddingIndex}, not {expectedPadding}");
        Same(expected.Floats(), LookUp(embedding, indices), "output");
        return null;
    }

    private static string? Renorm(GoldenCase golden)
    {
        golden.RequireOnly(
            ["max_norm", "norm_type", "padding_idx"],
            ["weight", "indices", "grad_output"],
            ["output", "weight_after", "rows_changed", "later_calls", "grad_weight"]);
        GoldenTensor indices = GoldenTensor.Parse(golden.Inputs.GetProperty("indices"));
        GoldenTensor weight = GoldenTensor.Parse(golden.Inputs.GetProperty("weight"));
        EmbeddingOptions options = new()
        {
            PaddingIndex = golden.NullableParam("padding_idx"),
            MaxNorm = GoldenTensor.ParseFloat(golden.Params.GetProperty("max_norm")),
            NormType = GoldenTensor.ParseFloat(golden.Params.GetProperty("norm_type")),
        };
        using Embedding embedding = new(weight.ToTable(), options);
        RenormCall(embedding, options, indices, golden.Expected);
        if (golden.Expected.TryGetProperty("later_calls", out JsonElement later))
        {
            foreach (JsonElement call in later.EnumerateArray()) RenormCall(embedding, options, indices, call);
        }

        if (golden.Expected.TryGetProperty("grad_weight", out JsonElement gradWeight))
        {
            using DenseGradient gradient = new(embedding.Weight);
            embedding.Backward<long>(indices.Longs(), Values(golden.Inputs.GetProperty("grad_output")), gradient);
            Same(Values(gradWeight.GetProperty("dense")), gradient.AllRows(), "gradient");
        }

        return null;
    }

    private static void RenormCall(Embedding embedding, EmbeddingOptions options, GoldenTensor indices, JsonElement expected)
    {
        int dim = embedding.EmbeddingDim;
        double ulps = 4 + (dim / 16.0);
        float[] before = embedding.Weight.AllRows();
        float[] output = LookUp(embedding, indices);
        float[] after = embedding.Weight.AllRows();
        if (expected.TryGetProperty("rows_changed", out JsonElement rows))
        {
            HashSet<int> wanted = [.. rows.EnumerateArray().Select(row => row.GetInt32())];
            for (int row = 0; row < embedding.NumEmbeddings; row++)
            {
                bool changed = !before.AsSpan(row * dim, dim).SequenceEqual(after.AsSpan(row * dim, dim));
                if (changed != wanted.Contains(row) && !AtLimit(before.AsSpan(row * dim, dim), options)) throw new GoldenException($"row {row} changed: {changed}");
            }
        }

        WithinUlps(Values(expected.GetProperty("weight_after")), after, ulps, "weight");
        if (expected.TryGetProperty("output", out JsonElement wantedOutput)) WithinUlps(Values(wantedOutput), output, ulps, "output");
    }

    /// <summary>Whether the norm, in double, is so near the limit that the order of additions decides.</summary>
    private static bool AtLimit(ReadOnlySpan<float> row, EmbeddingOptions options)
    {
        double sum = 0;
        foreach (float x in row) sum += Math.Pow(Math.Abs((double)x), options.NormType);
        double norm = Math.Pow(sum, 1.0 / options.NormType);
        return Math.Abs(Order((float)norm) - Order(options.MaxNorm!.Value)) <= 4;
    }

    private static string? Backward(GoldenCase golden)
    {
        golden.RequireOnly(
            ["num_embeddings", "embedding_dim", "padding_idx", "scale_grad_by_freq", "sparse"], ["indices", "grad_outputs"], ["grad_weight", "error"]);
        GoldenTensor indices = GoldenTensor.Parse(golden.Inputs.GetProperty("indices"));
        EmbeddingOptions options = new()
        {
            PaddingIndex = golden.NullableParam("padding_idx"),
            ScaleGradByFrequency = golden.Flag("scale_grad_by_freq"),
            Sparse = golden.Flag("sparse"),
        };
        int rows = golden.Params.GetProperty("num_embeddings").GetInt32();
        int dim = golden.Params.GetProperty("embedding_dim").GetInt32();
        using Embedding embedding = new(new EmbeddingTable(rows, dim), options);
        using EmbeddingGradient gradient = embedding.CreateGradient();
        using DenseGradient dense = new(embedding.Weight);
        float[][] passes = [.. golden.Inputs.GetProperty("grad_outputs").EnumerateArray().Select(Values)];
        for (int pass = 0; pass < passes.Length; pass++)
        {
            Backward(embedding, indices, passes[pass], gradient, accumulate: pass > 0);
            Backward(embedding, indices, passes[pass], dense, accumulate: pass > 0);
        }

        // Both kinds of gradient are one gradient, also where PyTorch refuses the sparse one.
        float[] denseValues = dense.AllRows();
        if (gradient is SparseGradient touched)
        {
            for (int i = 0; i < touched.Rows.Length; i++) Same(denseValues.AsSpan((int)touched.Rows[i] * dim, dim), touched.GetValues(i), "sparse beside dense");
        }

        if (golden.Expected.TryGetProperty("error", out JsonElement error))
        {
            bool known = options is { Sparse: true, ScaleGradByFrequency: true };
            return known ? null : throw new GoldenException($"PyTorch refuses this: {error}");
        }

        // PyTorch coalesces in an order of its own, and scales before each addition where here the sum is divided: where terms cancel,
        // that alone may be more than the tolerance.
        using DenseGradient absolute = new(embedding.Weight);
        for (int pass = 0; pass < passes.Length; pass++) Backward(embedding, indices, [.. passes[pass].Select(Math.Abs)], absolute, accumulate: pass > 0);
        int most = indices.Longs().GroupBy(index => index).Select(group => group.Count()).DefaultIfEmpty().Max() * passes.Length;
        float[] magnitudes = absolute.AllRows();

        JsonElement expected = golden.Expected.GetProperty("grad_weight");
        if (gradient is SparseGradient sparse)
        {
            JsonElement coalesced = expected.GetProperty("coalesced");
            long[] expectedRows = [.. coalesced.GetProperty("rows").EnumerateArray().Select(row => row.GetInt64())];
            if (!sparse.Rows.SequenceEqual(expectedRows)) throw new GoldenException("other rows are touched");
            float[] touchedMagnitudes = [.. expectedRows.SelectMany(row => magnitudes[((int)row * dim)..(((int)row + 1) * dim)])];
            NearTerms(Values(coalesced.GetProperty("values")), sparse.Values, 1e-5, touchedMagnitudes, most, "gradient value");

            // The entries as PyTorch made them, added in batch order, give our bits.
            if (passes.Length == 1) Same(Coalesce(expected.GetProperty("sparse"), rows, dim, expectedRows), sparse.Values, "gradient value in batch order");
        }
        else if (options.ScaleGradByFrequency)
        {
            NearTerms(Values(expected.GetProperty("dense")), denseValues, 1e-5, magnitudes, most, "gradient");
        }
        else
        {
            Same(Values(expected.GetProperty("dense")), denseValues, "gradient");
        }

        return null;
    }

    private static string? Train(GoldenCase golden)
    {
        golden.RequireOnly(
            ["optimizer", "lr", "iterations", "loss"],
            ["weight", "vec", "index", "target"],
            ["losses", "weights_after_iteration", "out_first", "grad_first"]);
        if (golden.Params.GetProperty("loss").GetString() != "MSELoss(mean)") throw new GoldenException("another loss");

        GoldenTensor weight = GoldenTensor.Parse(golden.Inputs.GetProperty("weight"));
        long[] indices = GoldenTensor.Parse(golden.Inputs.GetProperty("index")).Longs();
        float[] vector = Values(golden.Inputs.GetProperty("vec"));
        float[] target = Values(golden.Inputs.GetProperty("target"));
        int dim = weight.Columns;
        using Embedding embedding = new(weight.ToTable());
        using DenseGradient gradient = new(embedding.Weight);
        using JsonDocument hyper = JsonDocument.Parse("{}");
        using Optimizer optimizer = GoldenOptimizers.Create(golden.Params.GetProperty("optimizer").GetString()!, hyper.RootElement);
        optimizer.LearningRate = golden.Params.GetProperty("lr").GetSingle();
        optimizer.Add(embedding.Weight);
        float[] rows = new float[indices.Length * dim];
        float[] rowsGradient = new float[rows.Length];
        float[] prediction = new float[indices.Length];
        float[] predictionGradient = new float[prediction.Length];

        Dictionary<int, float[]> snapshots = golden.Expected.GetProperty("weights_after_iteration").EnumerateObject()
            .ToDictionary(entry => int.Parse(entry.Name, CultureInfo.InvariantCulture), entry => Values(entry.Value));
        float[] losses = [.. golden.Expected.GetProperty("losses").EnumerateArray().Select(GoldenTensor.ParseFloat)];
        int iterations = golden.Params.GetProperty("iterations").GetInt32();
        for (int iteration = 0; iteration <= iterations; iteration++)
        {
            if (snapshots.TryGetValue(iteration, out float[]? snapshot)) Near(snapshot, embedding.Weight.AllRows(), 2e-5, $"weight after {iteration}");
            if (iteration == iterations) break;
            embedding.Forward<long>(indices, rows);
            MatrixMultiplication.Forward(rows, vector, dim, prediction);
            float loss = Loss.MeanSquaredError(prediction, target, predictionGradient);
            MatrixMultiplication.Backward(rows, vector, dim, predictionGradient, rowsGradient);
            embedding.Backward<long>(indices, rowsGradient, gradient);
            Near([losses[iteration]], [loss], 2e-5, $"loss of iteration {iteration}");
            if (iteration == 0)
            {
                Near(Values(golden.Expected.GetProperty("out_first")), prediction, 1e-5, "first output");
                Near(Values(golden.Expected.GetProperty("grad_first")), gradient.AllRows(), 1e-5, "first gradient");
            }

            optimizer.Step(gradient);
        }

        return null;
    }

    private static float[] LookUp(Embedding embedding, GoldenTensor indices)
    {
        float[] output = new float[indices.Data.GetArrayLength() * embedding.EmbeddingDim];
        if (indices.Dtype == "int32") embedding.Forward<int>(indices.Ints(), output);
        else embedding.Forward<long>(indices.Longs(), output);
        return output;
    }

    private static void Backward(Embedding embedding, GoldenTensor indices, float[] outputGradient, EmbeddingGradient gradient, bool accumulate)
    {
        if (indices.Dtype == "int32") embedding.Backward<int>(indices.Ints(), outputGradient, gradient, accumulate);
        else embedding.Backward<long>(indices.Longs(), outputGradient, gradient, accumulate);
    }

    private static float[] Coalesce(JsonElement uncoalesced, int rows, int dim, long[] touched)
    {
        float[] values = Values(uncoalesced.GetProperty("values"));
        float[] sums = new float[rows * dim];
        int position = 0;
        foreach (JsonElement row in uncoalesced.GetProperty("rows").EnumerateArray())
        {
            for (int j = 0; j < dim; j++) sums[(row.GetInt32() * dim) + j] += values[position++];
        }

        return [.. touched.SelectMany(row => sums.AsSpan((int)row * dim, dim).ToArray())];
    }

    private static float[] Values(JsonElement tensor) => GoldenTensor.Parse(tensor).Floats();
}
