using System.Globalization;
using System.Text.Json;

namespace SimdEmbed.Tests.Golden;

/// <summary>One case of a golden family: what went into PyTorch and what came out.</summary>
internal sealed class GoldenCase(JsonElement json)
{
    public string Name { get; } = json.GetProperty("name").GetString()!;

    public JsonElement Params { get; } = json.GetProperty("params");

    public JsonElement Inputs { get; } = json.GetProperty("inputs");

    public JsonElement Expected { get; } = json.GetProperty("expected");

    /// <summary>An integer parameter that may be null.</summary>
    public long? NullableParam(string name) =>
        Params.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetInt64() : null;

    public bool Flag(string name) => Params.TryGetProperty(name, out JsonElement value) && value.GetBoolean();

    /// <summary>Fails on a key that no code here knows: otherwise an option of PyTorch would be passed over in silence.</summary>
    public void RequireOnly(string[] parameters, string[] inputs, string[] expected)
    {
        RequireOnly("parameter", Params, parameters);
        RequireOnly("input", Inputs, inputs);
        RequireOnly("expected value", Expected, expected);
    }

    private static void RequireOnly(string kind, JsonElement element, string[] known)
    {
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (!known.Contains(property.Name)) throw new GoldenException($"unknown {kind} '{property.Name}'");
        }
    }
}

/// <summary>A tensor of a golden file. Other float types are read as float32: narrowing commutes with a copy.</summary>
internal sealed record GoldenTensor(string Dtype, int[] Shape, JsonElement Data)
{
    public static GoldenTensor Parse(JsonElement json) => new(
        json.GetProperty("dtype").GetString()!,
        [.. json.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())],
        json.GetProperty("data"));

    public int Rows => Shape[0];

    public int Columns => Shape[^1];

    public float[] Floats() => [.. Data.EnumerateArray().Select(ParseFloat)];

    public long[] Longs() => [.. Data.EnumerateArray().Select(value => value.GetInt64())];

    public int[] Ints() => [.. Data.EnumerateArray().Select(value => value.GetInt32())];

    public EmbeddingTable ToTable()
    {
        float[] values = Floats();
        EmbeddingTable table = new(Rows, Columns);
        for (int row = 0; row < Rows; row++) table.SetRow(row, values.AsSpan(row * Columns, Columns));
        return table;
    }

    public static float ParseFloat(JsonElement value) => value.ValueKind == JsonValueKind.String
        ? float.Parse(value.GetString()!, CultureInfo.InvariantCulture)
        : value.GetSingle();
}

/// <summary>A golden case did not come out as PyTorch has it.</summary>
internal sealed class GoldenException(string message) : Exception(message);
