using System.Text.Json;
using static SimdEmbed.Tests.Golden.GoldenCompare;

namespace SimdEmbed.Tests.Golden;

/// <summary>Losses and products with their gradients, within 1e-5 relative to max(|expected|, 0.01).</summary>
internal static class GoldenLosses
{
    private const double Tolerance = 1e-5;

    public static string? Run(GoldenCase golden)
    {
        golden.RequireOnly(
            ["op", "reduction", "ignore_index", "label_smoothing", "equation", "bias"],
            ["input", "target", "grad_output", "weight", "pos_weight", "a", "b", "user", "item", "user_table", "item_table", "user_bias", "item_bias"],
            ["value", "grads"]);
        string op = golden.Params.GetProperty("op").GetString()!;
        switch (op)
        {
            case "mse_loss": MeanSquaredError(golden); return null;
            case "bce_with_logits": BinaryCrossEntropy(golden); return null;
            case "cross_entropy": CrossEntropy(golden); return null;
            case "einsum": Einsum(golden); return null;
            case "paired_dot_product": PairedDot(golden); return null;
            default: throw new GoldenException($"unknown op '{op}'");
        }
    }

    private static void MeanSquaredError(GoldenCase golden)
    {
        float[] prediction = Input(golden, "input"), target = Input(golden, "target"), gradient = new float[prediction.Length];
        float[] value = new float[prediction.Length];
        if (ReductionOf(golden) is { } reduction) value = [Loss.MeanSquaredError(prediction, target, gradient, reduction)];
        else Loss.SquaredErrors(prediction, target, value, Input(golden, "grad_output"), gradient);
        Expect(golden, value);
        ExpectGradient(golden, "input", gradient);
        ExpectGradient(golden, "target", Array.ConvertAll(gradient, g => -g));
    }

    private static void BinaryCrossEntropy(GoldenCase golden)
    {
        float[] logits = Input(golden, "input"), target = Input(golden, "target"), gradient = new float[logits.Length];
        float[] value = new float[logits.Length];
        Reduction? reduction = ReductionOf(golden);
        BinaryCrossEntropyOptions options = new()
        {
            Weight = Input(golden, "weight"),
            PositiveWeight = Input(golden, "pos_weight"),
            Reduction = reduction ?? Reduction.Mean,
        };
        if (reduction is not null) value = [Loss.BinaryCrossEntropyWithLogits(logits, target, gradient, options)];
        else Loss.BinaryCrossEntropiesWithLogits(logits, target, value, Input(golden, "grad_output"), gradient, options);
        Expect(golden, value);
        ExpectGradient(golden, "input", gradient);
    }

    private static void CrossEntropy(GoldenCase golden)
    {
        GoldenTensor logits = GoldenTensor.Parse(golden.Inputs.GetProperty("input"));
        long[] target = GoldenTensor.Parse(golden.Inputs.GetProperty("target")).Longs();
        float[] gradient = new float[logits.Rows * logits.Columns];
        float[] value = new float[logits.Rows];
        Reduction? reduction = ReductionOf(golden);
        CrossEntropyOptions options = new()
        {
            ClassWeight = Input(golden, "weight"),
            IgnoreIndex = golden.NullableParam("ignore_index"),
            LabelSmoothing = golden.Params.GetProperty("label_smoothing").GetSingle(),
            Reduction = reduction ?? Reduction.Mean,
        };
        if (reduction is not null) value = [Loss.CrossEntropy<long>(logits.Floats(), logits.Columns, target, gradient, options)];
        else Loss.CrossEntropies<long>(logits.Floats(), logits.Columns, target, value, Input(golden, "grad_output"), gradient, options);
        Expect(golden, value);
        ExpectGradient(golden, "input", gradient);
    }

    private static void Einsum(GoldenCase golden)
    {
        if (golden.Params.GetProperty("equation").GetString() != "ik,kj->ij") throw new GoldenException("another equation");
        GoldenTensor a = GoldenTensor.Parse(golden.Inputs.GetProperty("a")), b = GoldenTensor.Parse(golden.Inputs.GetProperty("b"));
        (float[] Product, float[] A, float[] B) Run(Func<float, float> each)
        {
            float[] left = [.. a.Floats().Select(each)], right = [.. b.Floats().Select(each)], upper = [.. Input(golden, "grad_output").Select(each)];
            float[] product = new float[a.Rows * b.Columns], leftGradient = new float[left.Length], rightGradient = new float[right.Length];
            MatrixMultiplication.Forward(left, right, a.Columns, product);
            MatrixMultiplication.Backward(left, right, a.Columns, upper, leftGradient, rightGradient);
            return (product, leftGradient, rightGradient);
        }

        (float[] product, float[] aGradient, float[] bGradient) = Run(x => x);
        (float[] productTerms, float[] aTerms, float[] bTerms) = Run(Math.Abs);
        int roundings = a.Columns + a.Rows + b.Columns;
        NearTerms(GoldenTensor.Parse(golden.Expected.GetProperty("value")).Floats(), product, Tolerance, productTerms, roundings, "value");
        ExpectTerms(golden, "a", aGradient, aTerms, roundings);
        ExpectTerms(golden, "b", bGradient, bTerms, roundings);
    }

    private static void PairedDot(GoldenCase golden)
    {
        long[] user = GoldenTensor.Parse(golden.Inputs.GetProperty("user")).Longs(), item = GoldenTensor.Parse(golden.Inputs.GetProperty("item")).Longs();
        Dictionary<string, float[]> Run(Func<float, float> each)
        {
            using EmbeddingTable userTable = Table(golden, "user_table", each), itemTable = Table(golden, "item_table", each);
            using Embedding users = new(userTable, leaveOpen: true), items = new(itemTable, leaveOpen: true);
            using DenseGradient usersGradient = new(userTable), itemsGradient = new(itemTable);
            float[] outputGradient = [.. Input(golden, "grad_output").Select(each)], value = new float[user.Length];
            EmbeddingDot.Forward<long>(users, user, items, item, value);
            EmbeddingDot.Backward<long>(users, user, items, item, outputGradient, usersGradient, itemsGradient);
            Dictionary<string, float[]> results = new() { ["value"] = value, ["user_table"] = usersGradient.AllRows(), ["item_table"] = itemsGradient.AllRows() };
            if (golden.Flag("bias"))
            {
                results["user_bias"] = AddBias(golden, "user_bias", user, value, outputGradient, each);
                results["item_bias"] = AddBias(golden, "item_bias", item, value, outputGradient, each);
            }

            return results;
        }

        Dictionary<string, float[]> results = Run(x => x), terms = Run(Math.Abs);
        int roundings = GoldenTensor.Parse(golden.Inputs.GetProperty("user_table")).Columns + user.Length;
        NearTerms(GoldenTensor.Parse(golden.Expected.GetProperty("value")).Floats(), results["value"], Tolerance, terms["value"], roundings, "value");
        foreach (string name in results.Keys.Where(name => name != "value")) ExpectTerms(golden, name, results[name], terms[name], roundings);
    }

    private static float[] AddBias(GoldenCase golden, string name, long[] indices, float[] value, float[] outputGradient, Func<float, float> each)
    {
        using Embedding bias = new(Table(golden, name, each));
        using DenseGradient gradient = new(bias.Weight);
        float[] looked = new float[indices.Length];
        bias.Forward<long>(indices, looked);
        for (int i = 0; i < looked.Length; i++) value[i] += looked[i];
        bias.Backward<long>(indices, outputGradient, gradient);
        return gradient.AllRows();
    }

    private static EmbeddingTable Table(GoldenCase golden, string name, Func<float, float> each)
    {
        EmbeddingTable table = GoldenTensor.Parse(golden.Inputs.GetProperty(name)).ToTable();
        for (long row = 0; row < table.RowCount; row++) table.SetRow(row, [.. table.GetRow(row).ToArray().Select(each)]);
        return table;
    }

    private static float[] Input(GoldenCase golden, string name) =>
        golden.Inputs.TryGetProperty(name, out JsonElement tensor) ? GoldenTensor.Parse(tensor).Floats() : [];

    private static Reduction? ReductionOf(GoldenCase golden) => golden.Params.GetProperty("reduction").GetString() switch
    {
        "mean" => Reduction.Mean,
        "sum" => Reduction.Sum,
        "none" => null,
        string other => throw new GoldenException($"unknown reduction '{other}'"),
        null => throw new GoldenException("no reduction"),
    };

    private static void Expect(GoldenCase golden, float[] value) =>
        Near(GoldenTensor.Parse(golden.Expected.GetProperty("value")).Floats(), value, Tolerance, "value");

    private static void ExpectGradient(GoldenCase golden, string name, float[] gradient)
    {
        if (golden.Expected.GetProperty("grads").TryGetProperty(name, out JsonElement expected))
        {
            Near(GoldenTensor.Parse(expected).Floats(), gradient, Tolerance, $"gradient of {name}");
        }
    }

    private static void ExpectTerms(GoldenCase golden, string name, float[] gradient, float[] terms, int roundings)
    {
        if (golden.Expected.GetProperty("grads").TryGetProperty(name, out JsonElement expected))
        {
            NearTerms(GoldenTensor.Parse(expected).Floats(), gradient, Tolerance, terms, roundings, $"gradient of {name}");
        }
    }
}
