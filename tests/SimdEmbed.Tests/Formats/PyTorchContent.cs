using System.Globalization;
using System.Text.Json;
using SimdEmbed.Formats;

namespace SimdEmbed.Tests.Formats;

/// <summary>Compares a file with the <c>content</c> tree of a golden entry.</summary>
internal static unsafe class PyTorchContent
{
    /// <summary>Null when they are equal, else the first difference. Elements are compared for float32 tensors, bit for bit.</summary>
    public static string? Compare(PyTorchFile file, JsonElement content) => Compare(file, file.Root, content, "root");

    /// <summary>A float32 tensor's elements in logical order.</summary>
    public static float[] ReadFloats(PyTorchFile file, TorchTensor tensor)
    {
        FormatError error = default;
        if (!file.TryReserve(tensor, ref error)) throw error.ToException("content");
        float[] values = new float[tensor.Count];
        fixed (float* start = values)
        {
            if (!file.TryRead(tensor, start, ref error)) throw error.ToException("content");
        }

        return values;
    }

    private static string? Compare(PyTorchFile file, PickleValue found, JsonElement expected, string at)
    {
        string type = expected.GetProperty("type").GetString()!;
        return (type, found) switch
        {
            ("tensor", TorchTensor tensor) => CompareTensor(file, tensor, expected, at),
            ("dict", PickleDict { IsOrderedDict: false } dict) => CompareDict(file, dict, expected, at),
            ("OrderedDict", PickleDict { IsOrderedDict: true } dict) => CompareDict(file, dict, expected, at),
            ("list", PickleList { IsSet: false } list) => CompareItems(file, list.Items, expected, at),
            ("tuple", PickleTuple tuple) => CompareItems(file, tuple.Items, expected, at),
            ("none", PickleNone) => null,
            ("bool", PickleBool value) => Equal(value.Value, expected.GetProperty("value").GetBoolean(), at),
            ("int", PickleInteger value) => Equal(value.Value.ToString(), expected.GetProperty("value").GetRawText(), at),
            ("float", PickleFloat value) => CompareDouble(value.Value, expected.GetProperty("value"), at),
            ("str", PickleString value) => Equal(value.Value, expected.GetProperty("value").GetString(), at),
            _ => $"{at}: {found.Kind} is not the expected {type}",
        };
    }

    private static string? CompareDict(PyTorchFile file, PickleDict dict, JsonElement expected, string at)
    {
        JsonElement items = expected.GetProperty("items");
        if (items.GetArrayLength() != dict.Count) return $"{at}: {dict.Count} items, not {items.GetArrayLength()}";
        for (int i = 0; i < dict.Count; i++)
        {
            JsonElement key = items[i].GetProperty("key");
            string? difference = dict[i].Key switch
            {
                PickleString text when key.ValueKind == JsonValueKind.String => Equal(text.Value, key.GetString(), at + ", key"),
                PickleInteger number when key.ValueKind == JsonValueKind.Number =>
                    Equal(number.Value.ToString(), key.GetRawText(), at + ", key"),
                _ => $"{at}: key {i} is {dict[i].Key.Kind}, not {key.GetRawText()}",
            };
            difference ??= Compare(file, dict[i].Value, items[i].GetProperty("value"), $"{at}[{key.GetRawText()}]");
            if (difference != null) return difference;
        }

        return null;
    }

    private static string? CompareItems(PyTorchFile file, IReadOnlyList<PickleValue> found, JsonElement expected, string at)
    {
        JsonElement items = expected.GetProperty("items");
        if (items.GetArrayLength() != found.Count) return $"{at}: {found.Count} items, not {items.GetArrayLength()}";
        for (int i = 0; i < found.Count; i++)
        {
            if (Compare(file, found[i], items[i], $"{at}[{i}]") is { } difference) return difference;
        }

        return null;
    }

    private static string? CompareTensor(PyTorchFile file, TorchTensor tensor, JsonElement expected, string at)
    {
        string? difference = Equal(tensor.Dtype.Name, expected.GetProperty("dtype").GetString(), at + ", dtype")
            ?? CompareLongs(tensor.Shape, expected.GetProperty("shape"), at + ", shape")
            ?? CompareLongs(tensor.Stride, expected.GetProperty("stride"), at + ", stride")
            ?? Equal(tensor.Offset, expected.GetProperty("storage_offset").GetInt64(), at + ", offset")
            ?? Equal(tensor.IsParameter, expected.GetProperty("parameter").GetBoolean(), at + ", parameter")
            ?? Equal(tensor.RequiresGrad, expected.GetProperty("requires_grad").GetBoolean(), at + ", requires_grad");
        if (difference != null || tensor.Dtype != TorchDtype.Float32) return difference;

        JsonElement data = expected.GetProperty("data");
        float[] values = ReadFloats(file, tensor);
        if (values.Length != data.GetArrayLength()) return $"{at}: {values.Length} elements, not {data.GetArrayLength()}";
        for (int i = 0; i < values.Length; i++)
        {
            float wanted = ParseSingle(data[i]);
            bool isSame = BitConverter.SingleToUInt32Bits(values[i]) == BitConverter.SingleToUInt32Bits(wanted)
                || (float.IsNaN(values[i]) && float.IsNaN(wanted));
            if (!isSame) return $"{at}: element {i} is {values[i]:R}, not {wanted:R}";
        }

        return null;
    }

    private static string? CompareDouble(double found, JsonElement expected, string at)
    {
        double wanted = expected.ValueKind == JsonValueKind.String
            ? double.Parse(expected.GetString()!, CultureInfo.InvariantCulture)
            : expected.GetDouble();
        return (double.IsNaN(found) && double.IsNaN(wanted))
            || BitConverter.DoubleToInt64Bits(found) == BitConverter.DoubleToInt64Bits(wanted)
            ? null
            : $"{at}: {found:R}, not {wanted:R}";
    }

    private static string? CompareLongs(long[] found, JsonElement expected, string at)
    {
        string text = $"[{string.Join(", ", found)}]";
        string wanted = $"[{string.Join(", ", expected.EnumerateArray().Select(static value => value.GetInt64()))}]";
        return Equal(text, wanted, at);
    }

    // The text must go to float at once: by way of double it could round twice.
    private static float ParseSingle(JsonElement value) => float.Parse(
        value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText(), CultureInfo.InvariantCulture);

    private static string? Equal<T>(T found, T expected, string at) =>
        EqualityComparer<T>.Default.Equals(found, expected) ? null : $"{at}: {found}, not {expected}";
}
