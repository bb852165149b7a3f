using System.Text.Json;

namespace SimdEmbed.Tests.Golden;

/// <summary>Runs one entry of <c>files.json</c> through the public API; returns null, or why it is deferred.</summary>
internal static class GoldenFiles
{
    public static string? Run(string folder, JsonElement entry)
    {
        string format = entry.GetProperty("format").GetString()!;
        string path = Path.Combine(folder, entry.GetProperty("file").GetString()!);
        if (GoldenWords.Knows(format))
        {
            GoldenWords.Run(path, entry);
            return null;
        }

        if (format is not ("pth" or "safetensors" or "npy" or "npz")) return $"the library does not read {format} yet";
        string expect = entry.GetProperty("expect").GetString()!;
        string[] words = entry.TryGetProperty("refusal_should_name", out JsonElement names) && names.ValueKind == JsonValueKind.Array
            ? [.. names.EnumerateArray().Select(name => name.GetString()!)]
            : [];
        if (!File.Exists(path)) throw new GoldenException($"{path} does not exist");

        TableFormatException? refusal = Refusal(() => CompareContent(path, entry));
        if (expect == "load" && refusal is not null) throw new GoldenException($"refused: {refusal.Message}");
        if (expect == "refuse" && refusal is null) throw new GoldenException("loaded, but must be refused");
        // Without the path: the files are named after what they must be refused for.
        string said = refusal?.Message.Replace(path, "", StringComparison.Ordinal) ?? "";
        foreach (string word in refusal is null ? [] : words)
        {
            if (!said.Contains(word, StringComparison.Ordinal)) throw new GoldenException($"the refusal does not name '{word}': {refusal!.Message}");
        }

        if (refusal is not null && (refusal.Path != path || refusal.Rule == "unknown" || refusal.Message.Contains('\n', StringComparison.Ordinal)))
        {
            throw new GoldenException($"the refusal has no path or rule, or is no single line: {refusal.Rule}: {refusal.Message}");
        }

        if (format == "pth") CompareCheckpoint(path, entry, refusal is not null);
        return null;
    }

    private static TableFormatException? Refusal(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (TableFormatException e)
        {
            return e;
        }
    }

    /// <summary>Every tensor and every number or string of the described content must come out, bit for bit, and no tensor more.</summary>
    private static void CompareContent(string path, JsonElement entry)
    {
        using TableFile file = TableFile.Open(path);
        GoldenContent? expected = GoldenContent.Of(entry);
        file.Verify();
        if (expected is null)
        {
            foreach (TensorInfo tensor in file.Tensors) file.Read(tensor.Name, new byte[tensor.ByteLength]);
            return;
        }

        if (file.Tensors.Count != expected.Tensors.Count) throw new GoldenException($"{file.Tensors.Count} tensors instead of {expected.Tensors.Count}");
        foreach ((string name, GoldenTensor tensor) in expected.Tensors)
        {
            if (!file.TryGetTensor(name, out TensorInfo? info)) throw new GoldenException($"there is no tensor '{name}'");
            if (GoldenContent.NameOf(info.Dtype) != tensor.Dtype || !info.Shape.SequenceEqual(Array.ConvertAll(tensor.Shape, size => (long)size)))
            {
                throw new GoldenException($"{info} should be {tensor.Dtype} [{string.Join(", ", tensor.Shape)}]");
            }

            byte[] bytes = new byte[info.ByteLength];
            file.Read(name, bytes);
            GoldenContent.Compare(name, info.Dtype, bytes, tensor.Data);
            if (info.IsTable) CompareTable(name, tensor, file.LoadTable(name));
        }

        foreach ((string name, JsonElement value) in expected.Settings)
        {
            if (!file.Metadata.TryGetValue(name, out string? text)) throw new GoldenException($"there is no setting '{name}'");
            GoldenContent.CompareSetting(name, text, value);
        }
    }

    /// <summary>The same through the checkpoint's own door: the matrices of floats in dicts, and no others.</summary>
    private static void CompareCheckpoint(string path, JsonElement entry, bool isRefused)
    {
        if (isRefused || GoldenContent.Of(entry) is not { } expected) return;
        if (!expected.IsDict)
        {
            if (Refusal(() => PyTorchCheckpoint.Load(path).Dispose()) is null) throw new GoldenException("loaded as a state_dict, which it is not");
            return;
        }

        using StateDict loaded = PyTorchCheckpoint.Load(path);
        Dictionary<string, GoldenTensor> tables = expected.Tensors
            .Where(tensor => tensor.Value.Dtype is "float32" or "float64" or "float16" or "bfloat16")
            .Where(tensor => tensor.Value.Shape is [_, >= 1] && !expected.InLists.Contains(tensor.Key))
            .ToDictionary();
        if (loaded.Count != tables.Count) throw new GoldenException($"{loaded.Count} tables instead of {tables.Count}");
        foreach ((string key, GoldenTensor tensor) in tables)
        {
            CompareTable(key, tensor, PyTorchCheckpoint.LoadTable(path, key));
            CompareTable(key, tensor, loaded[key], leaveOpen: true);
        }
    }

    private static void CompareTable(string name, GoldenTensor tensor, EmbeddingTable table, bool leaveOpen = false)
    {
        if (table.RowCount != tensor.Rows || table.Dim != tensor.Columns) throw new GoldenException($"{name} is {table.RowCount} x {table.Dim}");
        float[] values = tensor.Dtype == "float64" ? [.. tensor.Data.EnumerateArray().Select(value => (float)GoldenContent.ParseDouble(value))] : tensor.Floats();
        GoldenCompare.Same(values, table.AllRows(), name);
        if (!leaveOpen) table.Dispose();
    }
}
