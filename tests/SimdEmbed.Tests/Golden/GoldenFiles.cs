using System.Text.Json;

namespace SimdEmbed.Tests.Golden;

/// <summary>Runs one entry of <c>files.json</c> through the public API; returns null, or why it is deferred.</summary>
internal static class GoldenFiles
{
    public static string? Run(string folder, JsonElement entry)
    {
        string format = entry.GetProperty("format").GetString()!;
        if (GoldenWords.Knows(format))
        {
            GoldenWords.Run(Path.Combine(folder, entry.GetProperty("file").GetString()!), entry);
            return null;
        }

        if (format != "pth") return $"the library does not read {format} yet";
        string path = Path.Combine(folder, entry.GetProperty("file").GetString()!);
        string expect = entry.GetProperty("expect").GetString()!;
        string[] words = entry.TryGetProperty("refusal_should_name", out JsonElement names) && names.ValueKind == JsonValueKind.Array
            ? [.. names.EnumerateArray().Select(name => name.GetString()!)]
            : [];
        if (!File.Exists(path)) throw new GoldenException($"{path} does not exist");
        bool zip = File.ReadAllBytes(path).AsSpan().StartsWith("PK"u8);
        if (!zip && (expect == "load" || words.Length > 0)) return "a legacy (non-zip) PyTorch file";
        if (expect == "load" && !IsDict(entry.GetProperty("content"))) return "its root is no state_dict";

        TableFormatException? refusal = null;
        try
        {
            CompareTables(path, entry);
        }
        catch (TableFormatException e)
        {
            refusal = e;
        }

        if (expect == "load" && refusal is not null) throw new GoldenException($"refused: {refusal.Message}");
        if (expect == "refuse" && refusal is null) throw new GoldenException("loaded, but must be refused");
        // Without the path: the files are named after what they must be refused for.
        string said = refusal?.Message.Replace(path, "", StringComparison.Ordinal) ?? "";
        foreach (string word in refusal is null ? [] : words)
        {
            if (!said.Contains(word, StringComparison.Ordinal)) throw new GoldenException($"the refusal does not name '{word}': {refusal!.Message}");
        }

        return null;
    }

    private static bool IsDict(JsonElement content) => content.GetProperty("type").GetString() is "dict" or "OrderedDict";

    /// <summary>Every float32 matrix in the dicts of the described content must come out, bit for bit, and no other.</summary>
    private static void CompareTables(string path, JsonElement entry)
    {
        using StateDict loaded = PyTorchCheckpoint.Load(path);
        if (!entry.TryGetProperty("content", out JsonElement content) || content.ValueKind != JsonValueKind.Object || !IsDict(content)) return;
        Dictionary<string, GoldenTensor> expected = [];
        Collect(content, "", expected);
        if (loaded.Count != expected.Count) throw new GoldenException($"{loaded.Count} tables instead of {expected.Count}");
        foreach ((string key, GoldenTensor tensor) in expected)
        {
            using EmbeddingTable table = PyTorchCheckpoint.LoadTable(path, key);
            if (table.RowCount != tensor.Rows || table.Dim != tensor.Columns) throw new GoldenException($"{key} is {table.RowCount} x {table.Dim}");
            float[] values = tensor.Floats();
            for (int row = 0; row < tensor.Rows; row++)
            {
                for (int column = 0; column < tensor.Columns; column++)
                {
                    float want = values[(row * tensor.Columns) + column];
                    CompareElement(key, row, column, want, table.GetRow(row)[column]);
                    CompareElement(key, row, column, want, loaded[key].GetRow(row)[column]);
                }
            }
        }
    }

    private static void CompareElement(string key, int row, int column, float expected, float actual)
    {
        bool same = BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual)
            || (float.IsNaN(expected) && float.IsNaN(actual));
        if (!same) throw new GoldenException($"{key}[{row}, {column}] is {actual:R}; PyTorch has {expected:R}");
    }

    private static void Collect(JsonElement node, string path, Dictionary<string, GoldenTensor> found)
    {
        if (node.GetProperty("type").GetString() == "tensor")
        {
            bool matrix = node.GetProperty("dtype").GetString() == "float32" && node.GetProperty("shape").GetArrayLength() == 2;
            if (matrix) found[path] = GoldenTensor.Parse(node);
            return;
        }

        if (!IsDict(node)) return;
        foreach (JsonElement item in node.GetProperty("items").EnumerateArray())
        {
            string key = item.GetProperty("key").ToString();
            Collect(item.GetProperty("value"), path.Length == 0 ? key : $"{path}.{key}", found);
        }
    }
}
