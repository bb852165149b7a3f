using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using SimdEmbed.Formats;
using SimdEmbed.Internals;
using SimdEmbed.Words;

namespace SimdEmbed;

/// <summary>Tables with their words in files of tensors, where every other tool finds them as plain arrays.</summary>
/// <remarks>
/// <para>
/// Beside a table <c>NAME</c> of <c>n</c> rows lie <c>NAME.words</c>, uint8 <c>[bytes]</c>, all words end to end as they are, UTF-8 as a rule;
/// and <c>NAME.word_offsets</c>, int64 <c>[n + 1]</c>, rising from 0 to <c>bytes</c>: word <c>i</c> is the bytes from offset <c>i</c> to offset
/// <c>i + 1</c>. Words are unique and not empty.
/// </para>
/// <para>
/// In Python: <c>words = [bytes(w[o[i]:o[i+1]]).decode() for i in range(len(o) - 1)]</c>. Files converted tensor by tensor, from safetensors to
/// <c>.npz</c> for one, keep their words.
/// </para>
/// </remarks>
public static class WordTensors
{
    internal const string WordsSuffix = ".words";
    internal const string OffsetsSuffix = ".word_offsets";

    /// <summary>Adds a table and its words.</summary>
    /// <param name="writer">The file to be written.</param>
    /// <param name="name">The table's name; the words are named after it.</param>
    /// <param name="words">They must be neither changed nor disposed before the file is written.</param>
    /// <exception cref="ArgumentException">One of the three names is taken, too long, or not valid.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public static void Add(this SafetensorsWriter writer, string name, WordTable words)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (TensorSource source in Sources(name, words)) writer.Add(source.Name, source.Dtype, source.Shape, source.Write);
        writer.Add(name, words.Table);
    }

    /// <summary>Writes a file of one table and its words. It appears at once or not at all.</summary>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="name">The table's name; the words are named after it.</param>
    /// <param name="words">They must not change during the call.</param>
    /// <param name="format">Safetensors, PyTorch or <c>.npz</c>; an <c>.npy</c> file has no place for words.</param>
    /// <param name="progress">Is told the bytes written, now and then.</param>
    /// <param name="cancellationToken">Ends the call between two pieces of data; an old file is as it was.</param>
    /// <exception cref="ArgumentException">The name is not valid, or the format has no place for words or such rows, or is not written.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    /// <exception cref="IOException">The file could not be written; an old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static void Save(
        string path, string name, WordTable words, TableFileFormat format, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(words);
        if (format == TableFileFormat.Npy) Throw.Argument(nameof(format), "an .npy file has no place for words: write an .npz.");
        if (format == TableFileFormat.Safetensors)
        {
            SafetensorsWriter writer = new();
            writer.Add(name, words);
            writer.Save(path, progress, cancellationToken);
        }
        else
        {
            List<TensorSource> sources = [TensorSource.Of(name, words.Table), .. Sources(name, words)];
            TensorFileWriter.Save(path, format, sources, FrozenDictionary<string, string>.Empty, progress, cancellationToken);
        }

        GC.KeepAlive(words);
    }

    /// <summary>Whether a file has words for the rows of a table.</summary>
    /// <param name="file">An open file.</param>
    /// <param name="name">The table's name.</param>
    /// <returns>Whether both tensors are there; what is in them has not been looked at.</returns>
    public static bool HasWords(this TableFile file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.TryGetTensor(name + WordsSuffix, out _) && file.TryGetTensor(name + OffsetsSuffix, out _);
    }

    /// <summary>Reads the words of a table's rows.</summary>
    /// <param name="file">An open file.</param>
    /// <param name="name">The table's name.</param>
    /// <returns>The words.</returns>
    /// <exception cref="TableFormatException">The words are missing or malformed.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public static Vocabulary LoadVocabulary(this TableFile file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(name);
        FormatError error = default;
        return TryLoad(file, name, out Vocabulary? vocabulary, ref error) ? vocabulary : throw error.ToException(file.Path);
    }

    /// <summary>Reads a table and its words.</summary>
    /// <param name="file">An open file.</param>
    /// <param name="name">The table's name.</param>
    /// <returns>The table and its words, which the caller disposes.</returns>
    /// <exception cref="TableFormatException">The table or its words are missing or malformed, or of different numbers.</exception>
    /// <exception cref="InsufficientMemoryException">The table needs more memory than there is.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public static WordTable LoadWords(this TableFile file, string name)
    {
        Vocabulary vocabulary = file.LoadVocabulary(name);
        EmbeddingTable table = file.LoadTable(name);
        if (table.RowCount == vocabulary.Count) return new WordTable(table, vocabulary);
        FormatError error = default;
        error.Fail("words-count", -1, $"tensor {FormatError.Quote(name)} has {table.RowCount} rows and {vocabulary.Count} words");
        table.Dispose();
        throw error.ToException(file.Path);
    }

    private static List<TensorSource> Sources(string name, WordTable words)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(words);
        Vocabulary vocabulary = words.Vocabulary;
        long bytes = vocabulary.Bytes.Length;
        long offsets = vocabulary.Count + 1L;
        return
        [
            new(name + WordsSuffix, TensorDtype.UInt8, [bytes], bytes, stream => stream.Write(vocabulary.Bytes)),
            new(name + OffsetsSuffix, TensorDtype.Int64, [offsets], offsets * sizeof(long), stream => WriteOffsets(vocabulary, stream)),
        ];
    }

    private static bool TryLoad(TableFile file, string name, [NotNullWhen(true)] out Vocabulary? vocabulary, ref FormatError error)
    {
        vocabulary = null;
        TensorInfo? words = Find(file, name + WordsSuffix, TensorDtype.UInt8, ref error);
        TensorInfo? starts = words == null ? null : Find(file, name + OffsetsSuffix, TensorDtype.Int64, ref error);
        if (words == null || starts == null) return false;
        string quoted = FormatError.Quote(starts.Name);
        long place = starts.Offset ?? -1;
        if (starts.Count is 0 or > int.MaxValue / sizeof(long) || words.Count > Array.MaxLength || starts.Count - 1 > words.Count)
        {
            return error.Fail("words-count", place, $"tensor {quoted} has {starts.Count} offsets for {words.Count} bytes of words; 1 to {words.Count + 1} are expected");
        }

        byte[] bytes = new byte[words.Count];
        long[] offsets = new long[starts.Count];
        file.Read(words.Name, bytes);
        file.Read(starts.Name, MemoryMarshal.AsBytes(offsets.AsSpan()));
        if (offsets[0] != 0 || offsets[^1] != bytes.Length)
        {
            return error.Fail("words-offsets", place, $"tensor {quoted} runs from {offsets[0]} to {offsets[^1]}; 0 to {bytes.Length} expected");
        }

        WordKeys keys = new(offsets.Length - 1, bytes.Length);
        for (int i = 1; i < offsets.Length; i++)
        {
            if (offsets[i] <= offsets[i - 1] || offsets[i] > bytes.Length)
            {
                return error.Fail("words-offsets", place, $"tensor {quoted} has {offsets[i - 1]} and then {offsets[i]}; rising numbers up to {bytes.Length} are expected");
            }

            if (!keys.Add(bytes.AsSpan((int)offsets[i - 1]..(int)offsets[i])))
            {
                return error.Fail("words-unique", words.Offset ?? -1, $"word {i - 1} of tensor {FormatError.Quote(words.Name)} has occurred before");
            }
        }

        vocabulary = new Vocabulary(keys);
        return true;
    }

    private static TensorInfo? Find(TableFile file, string name, TensorDtype dtype, ref FormatError error)
    {
        if (!file.TryGetTensor(name, out TensorInfo? tensor))
        {
            error.Fail("words-none", -1, $"there are no words: no tensor {FormatError.Quote(name)}");
            return null;
        }

        if (tensor.Dtype == dtype && tensor.Shape.Length == 1) return tensor;
        error.Fail("words-type", tensor.Offset ?? -1, $"tensor {tensor} is not {dtype} of one dimension");
        return null;
    }

    private static void WriteOffsets(Vocabulary vocabulary, Stream stream)
    {
        const int ChunkOffsets = 512;
        Span<byte> chunk = stackalloc byte[ChunkOffsets * sizeof(long)];
        ReadOnlySpan<int> left = vocabulary.Starts;
        while (!left.IsEmpty)
        {
            int count = int.Min(left.Length, ChunkOffsets);
            for (int i = 0; i < count; i++) BinaryPrimitives.WriteInt64LittleEndian(chunk[(i * sizeof(long))..], left[i]);
            stream.Write(chunk[..(count * sizeof(long))]);
            left = left[count..];
        }
    }
}
