using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Unicode;
using static System.Buffers.Binary.BinaryPrimitives;

namespace SimdEmbed.Formats;

/// <summary>
/// Reads the header of a safetensors file: <c>u64 length | JSON | data</c>. As strict as the reference: the tensors cover the data
/// without holes, overlap or rest. Stricter where parsers could see two files in one: no name and no field comes twice.
/// </summary>
internal static class SafetensorsReader
{
    public const string MetadataName = "__metadata__";
    public const int LengthBytes = 8;
    public const int LongestHeader = 100_000_000;
    public const int LongestName = 4096;
    public const int MostTensors = 1_000_000;

    private const int HighestRank = 64;
    private const int DeepestJson = 8;

    public static bool TryOpen(FileBytes file, [NotNullWhen(true)] out TensorContent? content, ref FormatError error)
    {
        content = null;
        if (file.Length < LengthBytes)
        {
            return error.Fail("safetensors-length", 0, $"the file has {file.Length} bytes; expected a header length of {LengthBytes} bytes");
        }

        Span<byte> field = stackalloc byte[LengthBytes];
        if (!file.TryRead(0, field, ref error)) return false;
        ulong length = ReadUInt64LittleEndian(field);
        if (length > LongestHeader)
        {
            return error.Fail("safetensors-length", 0, $"the header claims {length} bytes; at most {LongestHeader} are read");
        }

        if (length > (ulong)(file.Length - LengthBytes))
        {
            return error.Fail("safetensors-length", 0, $"the header claims {length} bytes; the file has {file.Length - LengthBytes} more");
        }

        if (!file.TryAllow("the header", (long)length, 0, ref error)) return false;
        byte[] header = new byte[length];
        if (!file.TryRead(LengthBytes, header, ref error)) return false;
        if (!TryParse(header, out List<Entry>? entries, out Dictionary<string, string>? metadata, ref error)) return false;
        if (!TryPlace(file, LengthBytes + (long)length, entries, out List<TensorInfo>? tensors, ref error)) return false;
        if (!CompactRows.TryJoin(tensors, metadata, ref error)) return false;
        content = new TensorContent(TableFileFormat.Safetensors, tensors, metadata);
        return true;
    }

    private readonly record struct Entry(string Name, TensorDtype Dtype, long[] Shape, long Count, long Begin, long End, int At);

    /// <summary>Parses the JSON alone; offsets in errors count from the start of the file.</summary>
    private static bool TryParse(
        ReadOnlySpan<byte> header,
        [NotNullWhen(true)] out List<Entry>? entries,
        [NotNullWhen(true)] out Dictionary<string, string>? metadata,
        ref FormatError error)
    {
        (entries, metadata) = (null, null);
        if (header.IsEmpty || header[0] != (byte)'{')
        {
            return error.Fail("safetensors-json", LengthBytes, "the header does not begin with '{'");
        }

        if (!Utf8.IsValid(header)) return error.Fail("safetensors-json", LengthBytes, "the header is not UTF-8");
        Utf8JsonReader json = new(header, new JsonReaderOptions { MaxDepth = DeepestJson });
        List<Entry> read = [];
        Dictionary<string, string> texts = new(StringComparer.Ordinal);
        try
        {
            if (!TryParse(ref json, read, texts, ref error)) return false;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The reader throws for what is no JSON; half a surrogate pair in an escape is an InvalidOperationException.
            return error.Fail("safetensors-json", LengthBytes + json.BytesConsumed, "the header is not JSON");
        }

        (entries, metadata) = (read, texts);
        return true;
    }

    private static bool TryParse(ref Utf8JsonReader json, List<Entry> entries, Dictionary<string, string> metadata, ref FormatError error)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (!TryName(ref json, out string name, ref error)) return false;
            if (!names.Add(name)) return Fail(ref json, "safetensors-duplicate", $"{FormatError.Quote(name)} is in the header twice", ref error);
            json.Read();
            if (name == MetadataName)
            {
                if (!TryMetadata(ref json, metadata, ref error)) return false;
                continue;
            }

            if (entries.Count == MostTensors)
            {
                return Fail(ref json, "safetensors-count", $"the header has more than {MostTensors} tensors", ref error);
            }

            if (!TryEntry(ref json, name, out Entry entry, ref error)) return false;
            entries.Add(entry);
        }

        // The reader itself refuses everything but whitespace behind the object.
        return !json.Read();
    }

    private static bool TryName(ref Utf8JsonReader json, out string name, ref FormatError error)
    {
        name = "";
        if (json.ValueSpan.Length > LongestName)
        {
            return Fail(ref json, "safetensors-name", $"a name in the header has {json.ValueSpan.Length} bytes; at most {LongestName} are read", ref error);
        }

        name = json.GetString()!;
        return true;
    }

    private static bool TryMetadata(ref Utf8JsonReader json, Dictionary<string, string> metadata, ref FormatError error)
    {
        const string Rule = "safetensors-metadata";
        if (json.TokenType != JsonTokenType.StartObject) return Fail(ref json, Rule, "__metadata__ is no object of strings", ref error);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string key = json.GetString()!;
            json.Read();
            if (json.TokenType != JsonTokenType.String)
            {
                return Fail(ref json, Rule, $"__metadata__ entry {FormatError.Quote(key)} is no string", ref error);
            }

            if (!metadata.TryAdd(key, json.GetString()!))
            {
                return Fail(ref json, "safetensors-duplicate", $"__metadata__ has {FormatError.Quote(key)} twice", ref error);
            }
        }

        return true;
    }

    private static bool TryEntry(ref Utf8JsonReader json, string name, out Entry entry, ref FormatError error)
    {
        const string Rule = "safetensors-entry";
        entry = default;
        int at = (int)json.TokenStartIndex;
        if (json.TokenType != JsonTokenType.StartObject) return Fail(ref json, Rule, $"tensor {FormatError.Quote(name)} is no object", ref error);

        TensorDtype? dtype = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            bool isNew;
            if (json.ValueTextEquals("dtype"u8))
            {
                json.Read();
                isNew = dtype == null;
                if (!TryDtype(ref json, out TensorDtype known))
                {
                    string text = json.TokenType == JsonTokenType.String ? json.GetString()! : "";
                    return Fail(ref json, "safetensors-dtype", $"tensor {FormatError.Quote(name)} has dtype {FormatError.Quote(text)}, which is not known", ref error);
                }

                dtype = known;
            }
            else if (json.ValueTextEquals("shape"u8))
            {
                json.Read();
                isNew = shape == null;
                if (!TryNumbers(ref json, name, "shape", HighestRank, out shape, ref error)) return false;
            }
            else if (json.ValueTextEquals("data_offsets"u8))
            {
                json.Read();
                isNew = offsets == null;
                if (!TryNumbers(ref json, name, "data_offsets", 2, out offsets, ref error)) return false;
            }
            else
            {
                string field = FormatError.Quote(json.GetString()!);
                return Fail(ref json, Rule, $"tensor {FormatError.Quote(name)} has a field {field}; expected dtype, shape and data_offsets", ref error);
            }

            if (!isNew) return Fail(ref json, "safetensors-duplicate", $"tensor {FormatError.Quote(name)} has a field twice", ref error);
        }

        if (dtype == null || shape == null || offsets is not [long begin, long end])
        {
            return Fail(ref json, Rule, $"tensor {FormatError.Quote(name)} needs dtype, shape and two data_offsets", ref error);
        }

        long bytes = dtype.Value.ByteLength(shape, out long count);
        if (begin > end || bytes != end - begin)
        {
            return Fail(
                ref json,
                "safetensors-size",
                $"tensor {FormatError.Quote(name)} of {dtype.Value.Name()} [{string.Join(", ", shape)}] lies at {begin} to {end}; "
                    + (bytes < 0 ? "its size does not fit 63 bits or is no whole bytes" : $"expected {bytes} bytes"),
                ref error);
        }

        entry = new Entry(name, dtype.Value, shape, count, begin, end, at);
        return true;
    }

    private static bool TryDtype(ref Utf8JsonReader json, out TensorDtype dtype)
    {
        for (dtype = 0; TensorDtypes.IsDefined(dtype); dtype++)
        {
            if (json.TokenType == JsonTokenType.String && dtype.SafetensorsName() is { } name && json.ValueTextEquals(name)) return true;
        }

        return false;
    }

    private static bool TryNumbers(
        ref Utf8JsonReader json, string name, string field, int most, [NotNullWhen(true)] out long[]? numbers, ref FormatError error)
    {
        numbers = null;
        Span<long> buffer = stackalloc long[HighestRank];
        int count = 0;
        if (json.TokenType != JsonTokenType.StartArray) return Wrong(ref json, ref error);
        while (json.Read() && json.TokenType == JsonTokenType.Number)
        {
            if (count == most || !json.TryGetInt64(out long number) || number < 0) return Wrong(ref json, ref error);
            buffer[count++] = number;
        }

        if (json.TokenType != JsonTokenType.EndArray) return Wrong(ref json, ref error);
        numbers = buffer[..count].ToArray();
        return true;

        bool Wrong(ref Utf8JsonReader json, ref FormatError error) =>
            Fail(
                ref json,
                "safetensors-number",
                $"tensor {FormatError.Quote(name)} has a {field} that is no array of at most {most} whole numbers from 0 to 2^63 - 1",
                ref error);
    }

    /// <summary>Sorts the tensors by their place and checks that each starts where the one before ends, and the last with the file.</summary>
    private static bool TryPlace(
        FileBytes file, long start, List<Entry> entries, [NotNullWhen(true)] out List<TensorInfo>? tensors, ref FormatError error)
    {
        tensors = null;
        entries.Sort(static (left, right) =>
        {
            int order = left.Begin.CompareTo(right.Begin);
            if (order == 0) order = left.End.CompareTo(right.End);
            return order != 0 ? order : left.At.CompareTo(right.At);
        });

        long data = file.Length - start;
        long end = 0;
        List<TensorInfo> placed = new(entries.Count);
        foreach (Entry entry in entries)
        {
            if (entry.Begin != end)
            {
                return error.Fail(
                    entry.Begin < end ? "safetensors-overlap" : "safetensors-hole",
                    LengthBytes + entry.At,
                    $"tensor {FormatError.Quote(entry.Name)} starts at {entry.Begin}; expected {end}, where the one before ends");
            }

            if (entry.End > data)
            {
                return error.Fail(
                    "safetensors-length",
                    LengthBytes + entry.At,
                    $"tensor {FormatError.Quote(entry.Name)} ends at {entry.End}; the file has {data} bytes of data");
            }

            end = entry.End;
            PlainBytes bytes = new(file, start + entry.Begin, entry.End - entry.Begin);
            placed.Add(new TensorInfo(entry.Name, TensorView.Dense(bytes, entry.Dtype, entry.Shape, entry.Count)));
        }

        if (end != data)
        {
            return error.Fail("safetensors-length", start + end, $"the file has {data} bytes of data; its tensors have {end}");
        }

        tensors = placed;
        return true;
    }

    private static bool Fail(ref Utf8JsonReader json, string rule, string message, ref FormatError error) =>
        error.Fail(rule, LengthBytes + json.TokenStartIndex, message);
}
