using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using SimdEmbed.Formats;
using SimdEmbed.Internals;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>
/// Writes safetensors files: tables and other tensors by name, and text about them. The header is made first and the data streamed
/// behind it, so that the memory needed does not depend on the tensors' size.
/// </summary>
/// <remarks>
/// The data starts on a 64-byte line, and so does every tensor whose bytes are a multiple of 64 long, because those are put first;
/// behind them come the others by falling element size, then by name, so that none is unaligned. The same tensors give the same bytes
/// in whatever order they were added. Not safe for concurrent use.
/// </remarks>
public sealed class SafetensorsWriter
{
    /// <summary>Metadata under this prefix and a tensor's name has the XxHash3 of its bytes, 16 hexadecimal digits.</summary>
    internal const string HashPrefix = "xxh3.";

    private const int Alignment = 64;
    private const string NoHash = "0000000000000000";

    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<TensorSource> _items = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>The file's <c>__metadata__</c>: any text by any name.</summary>
    public IDictionary<string, string> Metadata { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// Whether a sum of each tensor's bytes goes into the metadata, under <c>xxh3.</c> and the tensor's name, for
    /// <see cref="TableFile.Verify"/>: 64 bits of XxHash3 as 16 hexadecimal digits. Other tools pass it over.
    /// </summary>
    public bool IncludeHashes { get; init; } = true;

    /// <summary>Is given the header, length in front included, before it is written: to put a sum of it into the place it holds for one.</summary>
    internal Action<Span<byte>>? SealHeader { get; init; }

    /// <summary>
    /// Adds a table, bit for bit as the codec of its rows has it: float32 rows become an <c>F32</c> tensor <c>[RowCount, Dim]</c>, half-width ones
    /// <c>F16</c> or <c>BF16</c>.
    /// </summary>
    /// <remarks>
    /// Integer codes become an <c>I32</c> tensor <c>[RowCount, words]</c>, with <c>name.scale_bias</c>, <c>F32 [RowCount, 2]</c>, beside it and
    /// <c>simdembed.codec.name</c> in the metadata: the codec and the number of columns, as in <c>int8 128</c>.
    /// </remarks>
    /// <param name="name">The tensor's name: valid Unicode of at most 4096 bytes, used once.</param>
    /// <param name="table">It must be neither changed nor disposed before the file is written.</param>
    /// <exception cref="ArgumentException">The name is taken, too long, or not valid, or the table has codes and no columns.</exception>
    /// <exception cref="InvalidOperationException">There are as many tensors as a file may have.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void Add(string name, EmbeddingTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        if (!RowCodecs.IsAffine(table.Codec))
        {
            TensorSource source = TensorSource.Of(name, table);
            Add(name, source.Dtype, source.Shape, source.Write);
            return;
        }

        if (table.Dim == 0) Throw.Argument(nameof(table), "a table of codes without columns has nothing to write.");
        (TensorSource codes, TensorSource pairs) = TensorSource.OfCompact(name, table);
        Add(pairs.Name, pairs.Dtype, pairs.Shape, pairs.Write);
        try
        {
            Add(codes.Name, codes.Dtype, codes.Shape, codes.Write);
        }
        catch
        {
            RemoveLast();
            throw;
        }

        Metadata[CompactRows.CodecPrefix + name] = CompactRows.Text(table.Codec, table.Dim);
    }

    /// <summary>Adds a tensor that is in memory.</summary>
    /// <param name="name">The tensor's name: valid Unicode of at most 4096 bytes, used once.</param>
    /// <param name="dtype">The type of its elements; all but <see cref="TensorDtype.Complex128"/>.</param>
    /// <param name="shape">The size of each dimension; empty for a single number.</param>
    /// <param name="elements">All elements, row-major and little-endian; they must not change before the file is written.</param>
    /// <exception cref="ArgumentException">The name is taken or not valid, or the bytes are not as many as type and shape ask for.</exception>
    /// <exception cref="InvalidOperationException">There are as many tensors as a file may have.</exception>
    public void Add(string name, TensorDtype dtype, ReadOnlySpan<long> shape, ReadOnlyMemory<byte> elements)
    {
        Add(name, dtype, shape, output => output.Write(elements.Span));
        long expected = _items[^1].Length;
        if (expected == elements.Length) return;
        RemoveLast();
        Throw.Length(nameof(elements), elements.Length, expected, "bytes of dtype and shape");
    }

    /// <summary>Adds a tensor whose bytes are made while the file is written.</summary>
    /// <param name="name">The tensor's name: valid Unicode of at most 4096 bytes, used once.</param>
    /// <param name="dtype">The type of its elements; all but <see cref="TensorDtype.Complex128"/>.</param>
    /// <param name="shape">The size of each dimension; empty for a single number.</param>
    /// <param name="write">
    /// Writes all elements, row-major and little-endian, to the stream it is given. Called once for each time the file is written, and
    /// twice if that is to a stream that cannot seek and hashes are wanted: it must write the same bytes each time.
    /// </param>
    /// <exception cref="ArgumentException">The name is taken or not valid, or the size of the tensor is beyond 63 bits.</exception>
    /// <exception cref="InvalidOperationException">There are as many tensors as a file may have.</exception>
    public void Add(string name, TensorDtype dtype, ReadOnlySpan<long> shape, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(write);
        if (!TensorDtypes.IsDefined(dtype) || dtype.SafetensorsName() == null)
        {
            throw new ArgumentOutOfRangeException(nameof(dtype), $"dtype = {dtype}; it must be one that safetensors has.");
        }

        long length = dtype.ByteLength(shape, out _);
        if (length < 0) Throw.Argument(nameof(shape), $"tensor '{name}' has a size that does not fit 63 bits or is no whole bytes.");
        if (name == SafetensorsReader.MetadataName) Throw.Argument(nameof(name), $"'{name}' is the name of the metadata.");
        if (!UnicodeText.IsValid(name) || Encoding.UTF8.GetByteCount(name) > SafetensorsReader.LongestName)
        {
            Throw.Argument(nameof(name), $"a name must be valid Unicode of at most {SafetensorsReader.LongestName} bytes.");
        }

        if (_items.Count == SafetensorsReader.MostTensors) Throw.InvalidOperation($"a file has at most {_items.Count} tensors.");
        if (!_names.Add(name)) Throw.Argument(nameof(name), $"there is a tensor '{name}' already.");
        _items.Add(new TensorSource(name, dtype, shape.ToArray(), length, write));
    }

    /// <summary>
    /// Writes a file. It appears at once or not at all: it is written beside its place, flushed to the disk, and renamed over an old one.
    /// </summary>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="progress">Is told the bytes written, now and then.</param>
    /// <param name="cancellationToken">Ends the call between two pieces of data; an old file is as it was.</param>
    /// <exception cref="ArgumentException">A metadata text is no valid Unicode, or a tensor's writer wrote another number of bytes.</exception>
    /// <exception cref="InvalidOperationException">The header would be longer than readers take.</exception>
    /// <exception cref="ObjectDisposedException">A table was disposed.</exception>
    /// <exception cref="IOException">The file could not be written; an old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled; an old file is as it was.</exception>
    public void Save(string path, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        FileReplacement.Write(path, stream => Write(stream, progress, cancellationToken));
    }

    /// <summary>Writes a file's bytes from the stream's position on.</summary>
    /// <param name="stream">Where to. With hashes, one that can seek is gone back in once, to put them into the header.</param>
    /// <param name="progress">Is told the bytes written, now and then.</param>
    /// <param name="cancellationToken">Ends the call between two pieces of data.</param>
    /// <exception cref="ArgumentException">A metadata text is no valid Unicode, or a tensor's writer wrote another number of bytes.</exception>
    /// <exception cref="InvalidOperationException">The header would be longer than readers take.</exception>
    /// <exception cref="ObjectDisposedException">A table was disposed.</exception>
    /// <exception cref="IOException">The stream could not be written.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public void Write(Stream stream, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        List<TensorSource> items = [.. _items];
        items.Sort(Order);

        Dictionary<string, string> hashes = new(StringComparer.Ordinal);
        bool isPatched = IncludeHashes && stream.CanSeek;
        foreach (TensorSource item in items) hashes[item.Name] = IncludeHashes && !isPatched ? HashOf(item, cancellationToken) : NoHash;

        // Hashes are all of one length, so that the header can be written again when they are known.
        long start = isPatched ? stream.Position : 0;
        byte[] header = Header(items, hashes);
        stream.Write(header);
        long written = header.Length;
        foreach (TensorSource item in items)
        {
            using TensorOutput output = new(stream, item.Length, written, IncludeHashes, progress, cancellationToken);
            WriteWhole(item, output);
            if (IncludeHashes) hashes[item.Name] = output.HashText;
            written += item.Length;
        }

        if (!isPatched) return;
        long end = stream.Position;
        stream.Position = start;
        stream.Write(Header(items, hashes));
        stream.Position = end;
    }

    private void RemoveLast()
    {
        _names.Remove(_items[^1].Name);
        _items.RemoveAt(_items.Count - 1);
    }

    private static string HashOf(TensorSource item, CancellationToken cancellationToken)
    {
        using TensorOutput output = new(Stream.Null, item.Length, 0, isHashed: true, null, cancellationToken);
        WriteWhole(item, output);
        return output.HashText;
    }

    private static void WriteWhole(TensorSource item, TensorOutput output)
    {
        item.Write(output);
        if (output.Written != item.Length)
        {
            Throw.Argument("write", $"tensor '{item.Name}' has {item.Length} bytes; {output.Written} were written.");
        }
    }

    private byte[] Header(List<TensorSource> items, Dictionary<string, string> hashes)
    {
        ArrayBufferWriter<byte> buffer = new();
        buffer.Write(stackalloc byte[SafetensorsReader.LengthBytes]);
        long dataBytes = 0;
        using (Utf8JsonWriter json = new(buffer, s_json))
        {
            json.WriteStartObject();
            WriteMetadata(json, items, hashes);
            foreach (TensorSource item in items)
            {
                json.WriteStartObject(item.Name);
                json.WriteString("dtype"u8, item.Dtype.SafetensorsName());
                json.WriteStartArray("shape"u8);
                foreach (long size in item.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets"u8);
                json.WriteNumberValue(dataBytes);
                if (item.Length > long.MaxValue - dataBytes) Throw.Argument("tensors", "the tensors have 2^63 bytes or more together, which no file has.");
                dataBytes += item.Length;
                json.WriteNumberValue(dataBytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        int padding = (Alignment - (buffer.WrittenCount % Alignment)) % Alignment;
        if (IsCompact(items) && !HasRoomBehind(buffer.WrittenCount + padding + dataBytes)) padding += Alignment;
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        byte[] header = buffer.WrittenSpan.ToArray();
        int length = header.Length - SafetensorsReader.LengthBytes;
        if (length > SafetensorsReader.LongestHeader)
        {
            Throw.InvalidOperation($"the header has {length} bytes; at most {SafetensorsReader.LongestHeader} can be read again.");
        }

        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        SealHeader?.Invoke(header);
        return header;
    }

    private void WriteMetadata(Utf8JsonWriter json, List<TensorSource> items, Dictionary<string, string> hashes)
    {
        SortedDictionary<string, string> all = new(Metadata, StringComparer.Ordinal);
        foreach (TensorSource item in items)
        {
            // What was kept from a file that was read is not true of this one.
            all.Remove(HashPrefix + item.Name);
            if (IncludeHashes) all[HashPrefix + item.Name] = hashes[item.Name];
        }

        if (all.Count == 0) return;
        json.WriteStartObject(SafetensorsReader.MetadataName);
        foreach ((string key, string value) in all)
        {
            if (!UnicodeText.IsValid(key) || !UnicodeText.IsValid(value)) Throw.Argument(nameof(Metadata), $"metadata '{key}' has half a surrogate pair.");
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }

    /// <summary>Whether a file that is so long leaves the room in its last page that mapped rows of less than 32 bits need behind them.</summary>
    private static bool HasRoomBehind(long length)
    {
        const int LeastPage = 4096;
        return (LeastPage - (length % LeastPage)) % LeastPage >= AlignedMemory.Overread;
    }

    /// <summary>Whether there may be rows of less than 32 bits; a table of codes has its pairs beside it.</summary>
    private bool IsCompact(List<TensorSource> items) => items.Exists(item =>
        item.Dtype is TensorDtype.Float16 or TensorDtype.BFloat16 || Metadata.ContainsKey(CompactRows.CodecPrefix + item.Name));

    /// <summary>Those that keep a 64-byte line for the next one first, then by falling element size, then by name.</summary>
    private static int Order(TensorSource left, TensorSource right)
    {
        int order = (left.Length % Alignment != 0).CompareTo(right.Length % Alignment != 0);
        if (order == 0) order = right.Dtype.Bits().CompareTo(left.Dtype.Bits());
        return order != 0 ? order : string.CompareOrdinal(left.Name, right.Name);
    }
}
