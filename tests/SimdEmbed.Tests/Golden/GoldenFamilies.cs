using System.Globalization;
using System.Text.Json;

namespace SimdEmbed.Tests.Golden;

/// <summary>Runs one golden case through the public API; returns null, or why the case is deferred. A mismatch throws.</summary>
internal static class GoldenFamilies
{
    public static string? Run(string family, GoldenCase golden) => family switch
    {
        "embedding_forward" => Forward(golden),
        "embedding_backward" => Backward(golden),
        "blog_train" => golden.Params.TryGetProperty("optimizer", out _) ? Train(golden) : Forward(golden),
        _ => $"the library has no {family} yet",
    };

    private static string? Forward(GoldenCase golden)
    {
        golden.RequireOnly(
            ["num_embeddings", "embedding_dim", "padding_idx"], ["weight", "indices"], ["output", "normalized_padding_idx"]);
        GoldenTensor indices = GoldenTensor.Parse(golden.Inputs.GetProperty("indices"));
        GoldenTensor expected = GoldenTensor.Parse(golden.Expected.GetProperty("output"));
        using Embedding embedding = new(GoldenTensor.Parse(golden.Inputs.GetProperty("weight")).ToTable());
        float[] output = new float[indices.Data.GetArrayLength() * embedding.EmbeddingDim];
        if (indices.Dtype == "int32") embedding.Forward<int>(indices.Ints(), output);
        else embedding.Forward<long>(indices.Longs(), output);
        Same(expected.Floats(), output, "output");
        return null;
    }

    private static string? Backward(GoldenCase golden)
    {
        golden.RequireOnly(
            ["num_embeddings", "embedding_dim", "padding_idx", "scale_grad_by_freq", "sparse"], ["indices", "grad_outputs"], ["grad_weight", "error"]);
        if (golden.NullableParam("padding_idx") is not null) return "padding_idx";
        if (golden.Flag("scale_grad_by_freq")) return "scale_grad_by_freq";

        GoldenTensor indices = GoldenTensor.Parse(golden.Inputs.GetProperty("indices"));
        EmbeddingOptions options = new() { Sparse = golden.Flag("sparse") };
        int rows = golden.Params.GetProperty("num_embeddings").GetInt32();
        int dim = golden.Params.GetProperty("embedding_dim").GetInt32();
        using Embedding embedding = new(new EmbeddingTable(rows, dim), options);
        using EmbeddingGradient gradient = embedding.CreateGradient();
        bool accumulate = false;
        foreach (JsonElement pass in golden.Inputs.GetProperty("grad_outputs").EnumerateArray())
        {
            float[] outputGradient = GoldenTensor.Parse(pass).Floats();
            if (indices.Dtype == "int32") embedding.Backward<int>(indices.Ints(), outputGradient, gradient, accumulate);
            else embedding.Backward<long>(indices.Longs(), outputGradient, gradient, accumulate);
            accumulate = true;
        }

        JsonElement expected = golden.Expected.GetProperty("grad_weight");
        if (gradient is SparseGradient sparse)
        {
            JsonElement coalesced = expected.GetProperty("coalesced");
            long[] expectedRows = [.. coalesced.GetProperty("rows").EnumerateArray().Select(row => row.GetInt64())];
            if (!sparse.Rows.SequenceEqual(expectedRows)) throw new GoldenException("other rows are touched");
            Near(Values(coalesced.GetProperty("values")), sparse.Values, 1e-5, "gradient value");

            // PyTorch coalesces in an order of its own; the entries as it made them, added in order, give our bits.
            if (golden.Inputs.GetProperty("grad_outputs").GetArrayLength() == 1)
            {
                Same(Coalesce(expected.GetProperty("sparse"), rows, dim, expectedRows), sparse.Values, "gradient value in batch order");
            }
        }
        else
        {
            float[] actual = new float[rows * dim];
            ((DenseGradient)gradient).AsTensorSpan().FlattenTo(actual);
            Same(Values(expected.GetProperty("dense")), actual, "gradient");
        }

        return null;
    }

    private static string? Train(GoldenCase golden)
    {
        golden.RequireOnly(
            ["optimizer", "lr", "iterations", "loss"],
            ["weight", "vec", "index", "target"],
            ["losses", "weights_after_iteration", "out_first", "grad_first"]);
        if (golden.Params.GetProperty("optimizer").GetString() != "SGD") return "an optimizer other than SGD";
        if (golden.Params.GetProperty("loss").GetString() != "MSELoss(mean)") return "another loss";

        GoldenTensor weight = GoldenTensor.Parse(golden.Inputs.GetProperty("weight"));
        long[] indices = GoldenTensor.Parse(golden.Inputs.GetProperty("index")).Longs();
        float[] vector = GoldenTensor.Parse(golden.Inputs.GetProperty("vec")).Floats();
        float[] target = GoldenTensor.Parse(golden.Inputs.GetProperty("target")).Floats();
        int dim = weight.Columns;
        using Embedding embedding = new(weight.ToTable());
        using DenseGradient gradient = new(embedding.Weight);
        using Sgd optimizer = new(embedding.Weight, new SgdOptions { LearningRate = golden.Params.GetProperty("lr").GetSingle() });
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
            if (snapshots.TryGetValue(iteration, out float[]? snapshot)) Near(snapshot, AllRows(embedding.Weight), 2e-5, $"weight after {iteration}");
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
                float[] first = new float[embedding.NumEmbeddings * dim];
                gradient.AsTensorSpan().FlattenTo(first);
                Near(Values(golden.Expected.GetProperty("grad_first")), first, 1e-5, "first gradient");
            }

            optimizer.Step(gradient);
        }

        return null;
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

    private static float[] AllRows(EmbeddingTable table)
    {
        float[] values = new float[table.RowCount * table.Dim];
        table.AsTensorSpan().FlattenTo(values);
        return values;
    }

    /// <summary>Equal bits, or both NaN.</summary>
    private static void Same(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        if (expected.Length != actual.Length) throw new GoldenException($"{what}: {actual.Length} elements instead of {expected.Length}");
        for (int i = 0; i < expected.Length; i++)
        {
            bool same = BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i])
                || (float.IsNaN(expected[i]) && float.IsNaN(actual[i]));
            if (!same) throw Mismatch(what, i, expected[i], actual[i]);
        }
    }

    /// <summary>Within <paramref name="tolerance"/> relative to max(|expected|, 0.01).</summary>
    private static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        if (expected.Length != actual.Length) throw new GoldenException($"{what}: {actual.Length} elements instead of {expected.Length}");
        for (int i = 0; i < expected.Length; i++)
        {
            double limit = tolerance * Math.Max(Math.Abs((double)expected[i]), 0.01);
            bool near = Math.Abs((double)expected[i] - actual[i]) <= limit || expected[i].Equals(actual[i]);
            if (!near) throw Mismatch(what, i, expected[i], actual[i]);
        }
    }

    private static GoldenException Mismatch(string what, int position, float expected, float actual) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{what} {position}: PyTorch has {expected:R}, here it is {actual:R}"));
}
