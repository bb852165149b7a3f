using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using SimdEmbed.Formats;

namespace SimdEmbed.Checkpoints;

/// <summary>
/// The file of a generation, open: its structure and its header's sum were checked. Nothing throws for a file that is damaged; the
/// problem is one sentence.
/// </summary>
internal sealed class CheckpointFile : IDisposable
{
    private readonly TableFile _tensors;

    private CheckpointFile(TableFile tensors, long bytes)
    {
        _tensors = tensors;
        Bytes = bytes;
        foreach (TensorInfo tensor in tensors.Tensors) TensorBytes += tensor.ByteLength;
    }

    public long Bytes { get; }

    public long TensorBytes { get; }

    public long Generation { get; private init; }

    public long Step { get; private init; }

    /// <summary>The generation that a delta builds on; null for a full checkpoint.</summary>
    public long? Parent { get; private init; }

    /// <summary>The sum of the parent's header.</summary>
    public string? ParentHash => _tensors.Metadata.GetValueOrDefault(CheckpointWriter.ParentHashKey);

    /// <summary>The sum of the header, in which the sums of all tensors stand.</summary>
    public string HeaderHash => _tensors.Metadata[HeaderSeal.Key];

    public IReadOnlyList<TensorInfo> Tensors => _tensors.Tensors;

    public IReadOnlyDictionary<string, string> Metadata => _tensors.Metadata;

    public static bool TryOpen(
        ICheckpointDisk disk, string path, long generation, [NotNullWhen(true)] out CheckpointFile? file, [NotNullWhen(false)] out string? problem)
    {
        file = null;
        TableFile? tensors = null;
        try
        {
            FileBytes bytes = disk.Open(path);
            tensors = TableFile.Open(bytes, options: null);
            problem = ProblemOf(bytes, tensors.Metadata, generation, out long step, out long? parent);
            if (problem != null) return false;
            file = new CheckpointFile(tensors, bytes.Length) { Generation = generation, Step = step, Parent = parent };
            tensors = null;
            return true;
        }
        catch (Exception e) when (IsDamage(e))
        {
            problem = e.Message;
            return false;
        }
        finally
        {
            tensors?.Dispose();
        }
    }

    /// <summary>What a file that cannot be read throws, as opposed to a mistake of the program.</summary>
    public static bool IsDamage(Exception e) => e is TableFormatException or IOException or UnauthorizedAccessException;

    /// <summary>Compares every tensor with its sum; <paramref name="report"/> is told the bytes of each piece, from any thread.</summary>
    public bool TryVerify(Action<long>? report, CancellationToken cancellationToken, [NotNullWhen(false)] out string? problem)
    {
        string?[] problems = new string?[Tensors.Count];
        TensorThreads.Run(Tensors.Count, TensorBytes, i => problems[i] = ProblemOf(Tensors[i], report, cancellationToken), cancellationToken);
        problem = Array.Find(problems, static found => found != null);
        return problem == null;
    }

    public bool TryGetTensor(string name, [NotNullWhen(true)] out TensorInfo? tensor) => _tensors.TryGetTensor(name, out tensor);

    /// <summary>In a delta the tensor of row numbers that goes with a tensor, or null for one that is whole.</summary>
    public TensorInfo? RowsOf(string name) =>
        Metadata.TryGetValue(CheckpointWriter.RowsOfPrefix + name, out string? rows) && TryGetTensor(rows, out TensorInfo? numbers) ? numbers : null;

    public byte[] ReadRandomState()
    {
        if (!TryGetTensor(CheckpointWriter.RandomStateName, out TensorInfo? tensor)) return [];
        byte[] bytes = new byte[tensor.ByteLength];
        _tensors.Read(tensor.Name, bytes);
        return bytes;
    }

    public void Dispose() => _tensors.Dispose();

    private string? ProblemOf(TensorInfo tensor, Action<long>? report, CancellationToken cancellationToken)
    {
        try
        {
            FormatError error = default;
            using HashingStream hash = new(report == null ? null : new Pieces(report), cancellationToken);
            if (!_tensors.TryVerify(tensor, hash, out bool hasSum, ref error)) return error.ToException(_tensors.Path).Message;
            return hasSum ? null : $"tensor {FormatError.Quote(tensor.Name)} has no sum.";
        }
        catch (Exception e) when (IsDamage(e))
        {
            return e.Message;
        }
    }

    private static string? ProblemOf(
        FileBytes bytes, IReadOnlyDictionary<string, string> metadata, long generation, out long step, out long? parent)
    {
        step = 0;
        parent = null;
        if (!metadata.TryGetValue(CheckpointWriter.VersionKey, out string? version)) return "it is no checkpoint.";
        if (!IsSealed(bytes)) return "its header is not what was written: the file is damaged.";
        if (version != CheckpointWriter.Version) return $"it is a checkpoint of version {FormatError.Quote(version)}; version {CheckpointWriter.Version} is read.";
        if (!TryGet(metadata, CheckpointWriter.GenerationKey, out long own) || !TryGet(metadata, CheckpointWriter.StepKey, out step)) return "it has no generation or no step.";
        if (own != generation) return $"it is generation {own} under the name of another.";
        if (!metadata.ContainsKey(CheckpointWriter.ParentKey)) return null;

        // An older one each time: no chain comes back to where it began.
        if (!TryGet(metadata, CheckpointWriter.ParentKey, out long older) || older < 0 || older >= generation) return "what it builds on is no older generation.";
        parent = older;
        return null;
    }

    private static bool IsSealed(FileBytes bytes)
    {
        // The parser has found a header of this length in the file.
        FormatError error = default;
        Span<byte> length = stackalloc byte[SafetensorsReader.LengthBytes];
        if (!bytes.TryRead(0, length, ref error)) return false;
        byte[] header = new byte[SafetensorsReader.LengthBytes + BitConverter.ToInt32(length)];
        return bytes.TryRead(0, header, ref error) && HeaderSeal.TryVerify(header);
    }

    private static bool TryGet(IReadOnlyDictionary<string, string> metadata, string key, out long value)
    {
        value = 0;
        return metadata.TryGetValue(key, out string? text) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>Each report's distance from the one before.</summary>
    private sealed class Pieces(Action<long> report) : IProgress<long>
    {
        private long _done;

        public void Report(long value)
        {
            report(value - _done);
            _done = value;
        }
    }
}
