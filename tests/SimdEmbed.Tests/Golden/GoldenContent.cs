using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SimdEmbed.Tests.Golden;

/// <summary>What a file of the golden set holds, in the names that the library gives it.</summary>
internal sealed class GoldenContent
{
    /// <summary>Numbers in longer lists are data: the library does not list them.</summary>
    private const int LongestListOfSettings = 16;

    public Dictionary<string, GoldenTensor> Tensors { get; } = [];

    public Dictionary<string, JsonElement> Settings { get; } = [];

    /// <summary>Names that go through a list somewhere.</summary>
    public HashSet<string> InLists { get; } = [];

    public bool IsDict { get; private init; }

    /// <summary>Null where nothing is promised of the content.</summary>
    public static GoldenContent? Of(JsonElement entry)
    {
        if (!entry.TryGetProperty("content", out JsonElement content) || content.ValueKind != JsonValueKind.Object) return null;
        string type = content.GetProperty("type").GetString()!;
        GoldenContent made = new() { IsDict = IsDictType(type) };
        if (type is "safetensors" or "npz")
        {
            foreach (JsonProperty item in content.GetProperty("items").EnumerateObject()) made.Tensors[item.Name] = GoldenTensor.Parse(item.Value);
            if (!content.TryGetProperty("metadata", out JsonElement metadata)) return made;
            foreach (JsonProperty item in metadata.EnumerateObject()) made.Settings[item.Name] = item.Value;
            return made;
        }

        made.Collect(content, "", inList: false);
        return made;
    }

    public static string NameOf(TensorDtype dtype) => dtype switch
    {
        TensorDtype.Float8E4M3 => "float8_e4m3",
        TensorDtype.Float8E5M2 => "float8_e5m2",
        _ => dtype.ToString().ToLowerInvariant(),
    };

    public static double ParseDouble(JsonElement value) => value.ValueKind == JsonValueKind.String
        ? double.Parse(value.GetString()!, CultureInfo.InvariantCulture)
        : value.GetDouble();

    /// <summary>Compares raw little-endian elements with the described ones.</summary>
    public static void Compare(string name, TensorDtype dtype, ReadOnlySpan<byte> bytes, JsonElement data)
    {
        int count = 0;
        foreach (JsonElement value in data.EnumerateArray())
        {
            int at = count++;
            bool same = dtype switch
            {
                TensorDtype.Float64 or TensorDtype.Complex128 => Same(MemoryMarshal.Cast<byte, double>(bytes)[at], ParseDouble(value)),
                TensorDtype.Float32 or TensorDtype.Complex64 => Same(MemoryMarshal.Cast<byte, float>(bytes)[at], GoldenTensor.ParseFloat(value)),
                TensorDtype.Float16 => Same((float)MemoryMarshal.Cast<byte, Half>(bytes)[at], GoldenTensor.ParseFloat(value)),
                TensorDtype.BFloat16 => Same(BitConverter.Int32BitsToSingle(MemoryMarshal.Cast<byte, ushort>(bytes)[at] << 16), GoldenTensor.ParseFloat(value)),
                TensorDtype.Float8E4M3 => Same(Float8(bytes[at], 4, 7), GoldenTensor.ParseFloat(value)),
                TensorDtype.Float8E5M2 => Same(Float8(bytes[at], 5, 15), GoldenTensor.ParseFloat(value)),
                TensorDtype.Int64 => MemoryMarshal.Cast<byte, long>(bytes)[at] == value.GetInt64(),
                TensorDtype.Int32 => MemoryMarshal.Cast<byte, int>(bytes)[at] == value.GetInt32(),
                TensorDtype.Int16 => MemoryMarshal.Cast<byte, short>(bytes)[at] == value.GetInt16(),
                TensorDtype.Int8 => (sbyte)bytes[at] == value.GetSByte(),
                TensorDtype.UInt64 => MemoryMarshal.Cast<byte, ulong>(bytes)[at] == value.GetUInt64(),
                TensorDtype.UInt32 => MemoryMarshal.Cast<byte, uint>(bytes)[at] == value.GetUInt32(),
                TensorDtype.UInt16 => MemoryMarshal.Cast<byte, ushort>(bytes)[at] == value.GetUInt16(),
                TensorDtype.UInt8 => bytes[at] == value.GetByte(),
                TensorDtype.Bool => bytes[at] == (value.ValueKind == JsonValueKind.Number ? value.GetByte() : value.GetBoolean() ? 1 : 0),
                _ => throw new GoldenException($"{name} is {dtype}, which no golden file should have"),
            };
            if (!same) throw new GoldenException($"element {at} of {name} ({dtype}) is not {value}");
        }
    }

    public static void CompareSetting(string name, string text, JsonElement value)
    {
        bool same = value.ValueKind switch
        {
            JsonValueKind.True => text == "True",
            JsonValueKind.False => text == "False",
            JsonValueKind.Null => text == "None",
            JsonValueKind.String => text == value.GetString() || Same(double.Parse(text, CultureInfo.InvariantCulture), ParseDouble(value)),
            _ => text == value.GetRawText() || Same(double.Parse(text, CultureInfo.InvariantCulture), value.GetDouble()),
        };
        if (!same) throw new GoldenException($"setting '{name}' is {text}; expected {value}");
    }

    private static bool IsDictType(string? type) => type is "dict" or "OrderedDict";

    private static bool Same(double left, double right) =>
        BitConverter.DoubleToInt64Bits(left) == BitConverter.DoubleToInt64Bits(right) || (double.IsNaN(left) && double.IsNaN(right));

    /// <summary>By the definition, for finite values.</summary>
    private static float Float8(byte code, int exponentBits, int bias)
    {
        int fractionBits = 7 - exponentBits;
        int exponent = (code >> fractionBits) & ((1 << exponentBits) - 1);
        double fraction = (code & ((1 << fractionBits) - 1)) / (double)(1 << fractionBits);
        double value = exponent == 0 ? Math.ScaleB(fraction, 1 - bias) : Math.ScaleB(1 + fraction, exponent - bias);
        return (float)(code >= 0x80 ? -value : value);
    }

    private void Collect(JsonElement node, string path, bool inList)
    {
        string type = node.GetProperty("type").GetString()!;
        if (type is "tensor" or "array")
        {
            Tensors[path] = GoldenTensor.Parse(node);
            if (inList) InLists.Add(path);
            return;
        }

        if (!node.TryGetProperty("items", out JsonElement items))
        {
            if (node.TryGetProperty("value", out JsonElement value)) Settings[path] = value;
            return;
        }

        int position = 0;
        bool isShort = IsDictType(type) || items.GetArrayLength() <= LongestListOfSettings;
        foreach (JsonElement item in items.EnumerateArray())
        {
            string key = IsDictType(type) ? item.GetProperty("key").ToString() : position++.ToString(CultureInfo.InvariantCulture);
            JsonElement child = IsDictType(type) ? item.GetProperty("value") : item;
            if (!isShort && child.GetProperty("type").GetString() != "tensor" && !child.TryGetProperty("items", out _)) continue;
            Collect(child, path.Length == 0 ? key : $"{path}.{key}", inList || !IsDictType(type));
        }
    }
}
