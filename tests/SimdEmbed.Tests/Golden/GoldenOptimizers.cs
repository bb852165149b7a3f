using System.Text.Json;
using static SimdEmbed.Tests.Golden.GoldenCompare;

namespace SimdEmbed.Tests.Golden;

/// <summary>The cases of <c>torch.optim</c>: weights after every step, and the state after the last.</summary>
internal static class GoldenOptimizers
{
    private const double Tolerance = 1e-5;

    /// <summary>
    /// Roundings of a step that two correct results may differ by, of the largest weight or gradient that a column ever had: a weight that
    /// comes near zero, or a momentum whose terms cancel, keeps the rounding of what it came from.
    /// </summary>
    private const int RoundingsPerStep = 2;

    /// <summary>Gradients that PyTorch refuses and that have a meaning here.</summary>
    private static readonly string[] s_refusals = ["refuses_sparse", "refuses_dense", "empty_sparse_grad"];

    public static string? Run(GoldenCase golden)
    {
        golden.RequireOnly(["optimizer", "hyper", "lr_per_step", "padding_idx", "sparse"], ["weight", "grads", "indices", "grad_outputs"], ["weights", "state", "error"]);
        using EmbeddingTable table = GoldenTensor.Parse(golden.Inputs.GetProperty("weight")).ToTable();
        using Optimizer optimizer = Create(golden.Params.GetProperty("optimizer").GetString()!, golden.Params.GetProperty("hyper"));
        optimizer.Add(table);
        using DenseGradient dense = new(table);
        using SparseGradient sparse = new(table);
        using Embedding embedding = new(table, new EmbeddingOptions { Sparse = golden.Flag("sparse"), PaddingIndex = golden.NullableParam("padding_idx") }, leaveOpen: true);
        bool batches = golden.Inputs.TryGetProperty("indices", out JsonElement indices);
        JsonElement[] steps = [.. golden.Inputs.GetProperty(batches ? "grad_outputs" : "grads").EnumerateArray()];
        float[] largest = [.. table.AllRows().Select(Math.Abs)];
        bool refused = golden.Expected.TryGetProperty("error", out JsonElement error);
        if (refused && !s_refusals.Any(name => golden.Name.EndsWith(name, StringComparison.Ordinal))) throw new GoldenException($"PyTorch refuses this: {error}");

        for (int step = 0; step < steps.Length; step++)
        {
            if (golden.Params.TryGetProperty("lr_per_step", out JsonElement rates) && rates.ValueKind == JsonValueKind.Array) optimizer.LearningRate = rates[step].GetSingle();
            if (batches)
            {
                // The fused step; that it has the bits of Backward and Step is for the properties to say.
                optimizer.Step<long>(embedding, GoldenTensor.Parse(indices[step]).Longs(), GoldenTensor.Parse(steps[step]).Floats());
            }
            else if (steps[step].ValueKind != JsonValueKind.Null)
            {
                EmbeddingGradient gradient = Gradient(steps[step], embedding, dense, sparse);
                Include(largest, Spread(gradient));
                optimizer.Step(gradient);
            }

            if (refused) continue;
            float[] expected = GoldenTensor.Parse(golden.Expected.GetProperty("weights")[step]).Floats();
            Include(largest, expected);
            NearTerms(expected, table.AllRows(), Tolerance, largest, RoundingsPerStep * (step + 1), $"weight after step {step + 1}");
        }

        if (refused)
        {
            if (table.AllRows().Any(x => !float.IsFinite(x))) throw new GoldenException("a weight is no number");
            return null;
        }

        foreach (JsonProperty state in golden.Expected.GetProperty("state").EnumerateObject()) CheckState(optimizer, table, state, largest, RoundingsPerStep * steps.Length);
        return null;
    }

    /// <summary>The optimizer of that name in PyTorch, with what differs from PyTorch's defaults.</summary>
    public static Optimizer Create(string name, JsonElement hyper)
    {
        Dictionary<string, JsonElement> rest = hyper.EnumerateObject().ToDictionary(property => property.Name, property => property.Value);
        float Float(string key, float otherwise) => rest.Remove(key, out JsonElement value) ? value.GetSingle() : otherwise;
        double Double(string key, double otherwise) => rest.Remove(key, out JsonElement value) ? value.GetDouble() : otherwise;
        bool Flag(string key) => rest.Remove(key, out JsonElement value) && value.GetBoolean();
        (double First, double Second) Betas() => rest.Remove("betas", out JsonElement value) ? (value[0].GetDouble(), value[1].GetDouble()) : (0.9, 0.999);
        (double beta1, double beta2) = Betas();
        Optimizer optimizer = name switch
        {
            "SGD" => new Sgd(new SgdOptions
            {
                LearningRate = Float("lr", 0.001f),
                Momentum = Float("momentum", 0),
                Dampening = Float("dampening", 0),
                WeightDecay = Float("weight_decay", 0),
                Nesterov = Flag("nesterov"),
                Maximize = Flag("maximize"),
                SparseMomentum = hyper.TryGetProperty("weight_decay", out _) ? SparseMomentum.Lazy : SparseMomentum.PyTorch,
            }),
            "Adagrad" => new Adagrad(new AdagradOptions
            {
                LearningRate = Float("lr", 0.01f),
                LearningRateDecay = Float("lr_decay", 0),
                WeightDecay = Float("weight_decay", 0),
                InitialAccumulatorValue = Float("initial_accumulator_value", 0),
                Epsilon = Float("eps", 1e-10f),
                Maximize = Flag("maximize"),
            }),
            "Adam" => new Adam(new AdamOptions
            {
                LearningRate = Float("lr", 0.001f),
                Beta1 = beta1,
                Beta2 = beta2,
                Epsilon = Float("eps", 1e-8f),
                WeightDecay = Float("weight_decay", 0),
                Amsgrad = Flag("amsgrad"),
                Maximize = Flag("maximize"),
            }),
            "AdamW" => new AdamW(new AdamWOptions
            {
                LearningRate = Float("lr", 0.001f),
                Beta1 = beta1,
                Beta2 = beta2,
                Epsilon = Float("eps", 1e-8f),
                WeightDecay = Float("weight_decay", 0.01f),
                Amsgrad = Flag("amsgrad"),
                Maximize = Flag("maximize"),
            }),
            "SparseAdam" => new SparseAdam(new SparseAdamOptions
            {
                LearningRate = Float("lr", 0.001f),
                Beta1 = beta1,
                Beta2 = beta2,
                Epsilon = Float("eps", 1e-8f),
                Maximize = Flag("maximize"),
            }),
            "RMSprop" => new RmsProp(new RmsPropOptions
            {
                LearningRate = Float("lr", 0.01f),
                Alpha = Double("alpha", 0.99),
                Epsilon = Float("eps", 1e-8f),
                WeightDecay = Float("weight_decay", 0),
                Momentum = Float("momentum", 0),
                Centered = Flag("centered"),
                Maximize = Flag("maximize"),
            }),
            _ => throw new GoldenException($"unknown optimizer '{name}'"),
        };
        return rest.Count == 0 ? optimizer : throw new GoldenException($"unknown hyperparameter '{rest.Keys.First()}'");
    }

    private static void Include(float[] largest, float[] values)
    {
        for (int i = 0; i < largest.Length; i++) largest[i] = Math.Max(largest[i], Math.Abs(values[i]));
    }

    private static float[] Spread(EmbeddingGradient gradient)
    {
        if (gradient is not SparseGradient sparse) return ((DenseGradient)gradient).AllRows();
        float[] values = new float[sparse.Table.RowCount * sparse.Table.Dim];
        for (int i = 0; i < sparse.Rows.Length; i++) sparse.GetValues(i).CopyTo(values.AsSpan((int)sparse.Rows[i] * sparse.Table.Dim));
        return values;
    }

    private static EmbeddingGradient Gradient(JsonElement given, Embedding embedding, DenseGradient dense, SparseGradient sparse)
    {
        int dim = embedding.EmbeddingDim;
        if (given.TryGetProperty("layout", out _))
        {
            long[] rows = [.. given.GetProperty("rows").EnumerateArray().Select(row => row.GetInt64())];
            embedding.Backward<long>(rows, rows.Length == 0 ? [] : GoldenTensor.Parse(given.GetProperty("values")).Floats(), sparse);
            return sparse;
        }

        float[] values = GoldenTensor.Parse(given).Floats();
        embedding.Backward<long>([.. Enumerable.Range(0, values.Length / dim).Select(row => (long)row)], values, dense);
        return dense;
    }

    private static void CheckState(Optimizer optimizer, EmbeddingTable table, JsonProperty state, float[] largest, int roundings)
    {
        if (state.Name == "step")
        {
            long steps = state.Value.TryGetProperty("value", out JsonElement count) ? count.GetInt64() : (long)GoldenTensor.Parse(state.Value).Floats()[0];
            if (optimizer.State.StepsOf(table) != steps) throw new GoldenException($"{optimizer.State.StepsOf(table)} steps instead of {steps}");
            return;
        }

        if (state.Value.TryGetProperty("python_type", out JsonElement type) && type.GetString() == "NoneType") return;
        JsonElement tensor = state.Value.TryGetProperty("dense", out JsonElement dense) ? dense : state.Value;
        float[] actual = [.. Enumerable.Range(0, (int)table.RowCount).SelectMany(row => optimizer.State.GetRow(table, state.Name, row).ToArray())];
        NearTerms(GoldenTensor.Parse(tensor).Floats(), actual, Tolerance, largest, roundings, state.Name);
    }
}
