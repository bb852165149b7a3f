using System.Globalization;
using System.Runtime.InteropServices;
using SimdEmbed.Formats;
using SimdEmbed.Tables;

namespace SimdEmbed.Checkpoints;

/// <summary>
/// A training state as a safetensors file: tensors with a sum each, everything else as metadata. A delta has the marked rows of each tensor under
/// the tensor's own name, their numbers as one more tensor for each table, and what belongs to no table whole.
/// </summary>
internal sealed class CheckpointWriter
{
    public const string Version = "1";
    public const string VersionKey = TrainingState.ReservedPrefix + "checkpoint";
    public const string GenerationKey = TrainingState.ReservedPrefix + "generation";
    public const string StepKey = TrainingState.ReservedPrefix + "step";
    public const string ParentKey = TrainingState.ReservedPrefix + "parent";
    public const string ParentHashKey = TrainingState.ReservedPrefix + "parent_header_xxh3";
    public const string OptimizerPrefix = TrainingState.ReservedPrefix + "optimizer.";
    public const string RowsPrefix = TrainingState.ReservedPrefix + "rows.";
    public const string RowsOfPrefix = TrainingState.ReservedPrefix + "rows_of.";
    public const string RandomStateName = TrainingState.ReservedPrefix + "random_state";
    public const string UserPrefix = "user.";

    /// <summary>What a tensor's entry and its sum take in the header beside its name.</summary>
    private const int HeaderBytesOfTensor = 256;

    private readonly SafetensorsWriter _writer;
    private readonly CheckpointFile? _parent;
    private readonly HashSet<string> _rows = new(StringComparer.Ordinal);
    private long _reservedHeaderBytes = HeaderBytesOfTensor;
    private long _headerBytes;

    /// <summary>Everything, or what has changed since a parent.</summary>
    public CheckpointWriter(TrainingState state, IReadOnlyList<CheckpointTensor> tensors, long generation, CheckpointFile? parent)
        : this(generation)
    {
        _parent = parent;
        IDictionary<string, string> metadata = _writer.Metadata;
        foreach (CheckpointTensor tensor in tensors)
        {
            WrittenRows? marked = parent == null ? null : tensor.Table?.Table.Written;
            if (marked == null)
            {
                Add(tensor.Name, tensor.Dtype, tensor.Shape, output => tensor.Write(output, null));
                continue;
            }

            string rows = RowsPrefix + tensor.Table!.Value.Name;
            long count = marked.Count;
            metadata[RowsOfPrefix + tensor.Name] = rows;
            if (_rows.Add(rows)) Add(rows, TensorDtype.Int64, [count], output => RowTransfer.WriteNumbers(marked, tensor.Shape[0], output));
            Add(tensor.Name, tensor.Dtype, [count, tensor.Shape[1]], output => tensor.Write(output, marked));
        }

        if (parent != null)
        {
            metadata[ParentKey] = Text(parent.Generation);
            metadata[ParentHashKey] = parent.HeaderHash;
        }

        ReadOnlyMemory<byte> random = state.RandomState;
        if (!random.IsEmpty) Add(RandomStateName, TensorDtype.UInt8, [random.Length], output => output.Write(random.Span));
        metadata[StepKey] = Text(state.Step);
        foreach ((string name, Optimizer optimizer) in state.Optimizers) metadata[OptimizerPrefix + name] = OptimizerDescription.Of(optimizer, state).ToJson();
        foreach ((string key, string value) in state.Metadata) metadata[UserPrefix + key] = value ?? "";
    }

    /// <summary>What a chain comes to, as a full checkpoint.</summary>
    public CheckpointWriter(CheckpointChain chain, string path, long generation)
        : this(generation)
    {
        foreach (TensorInfo tensor in chain.Tensors) Add(tensor.Name, tensor.Dtype, tensor.Shape, output => Copy(chain.Source(tensor, static _ => { }), path, output));
        byte[] random = chain.Newest.ReadRandomState();
        if (random.Length > 0) Add(RandomStateName, TensorDtype.UInt8, [random.Length], output => output.Write(random));
        foreach ((string key, string value) in chain.Newest.Metadata)
        {
            bool isKept = key == StepKey || key.StartsWith(OptimizerPrefix, StringComparison.Ordinal) || key.StartsWith(UserPrefix, StringComparison.Ordinal);
            if (isKept) _writer.Metadata[key] = value;
        }
    }

    private CheckpointWriter(long generation)
    {
        Generation = generation;
        _writer = new SafetensorsWriter { SealHeader = Seal };
        _writer.Metadata[VersionKey] = Version;
        _writer.Metadata[GenerationKey] = Text(generation);
        _writer.Metadata[HeaderSeal.Key] = HeaderSeal.Placeholder;
    }

    public long Generation { get; }

    public long? Parent => _parent?.Generation;

    /// <summary>Bytes of all tensors.</summary>
    public long TensorBytes { get; private set; }

    /// <summary>About the bytes of the file: disk space for so much is asked for before anything is written.</summary>
    public long ReservedBytes
    {
        get
        {
            long bytes = TensorBytes + _reservedHeaderBytes;
            foreach ((string key, string value) in _writer.Metadata) bytes += key.Length + value.Length;
            return bytes;
        }
    }

    /// <summary>The sum of the header that was written.</summary>
    public string HeaderHash { get; private set; } = "";

    /// <summary>Writes the file and returns its length.</summary>
    public long Write(ICheckpointOutput output, IProgress<CheckpointProgress>? progress, CancellationToken cancellationToken)
    {
        OutputStream stream = new(output);
        _writer.Write(stream, progress == null ? null : new TensorProgress(this, progress), cancellationToken);
        return stream.Length;
    }

    private void Add(string name, TensorDtype dtype, ReadOnlySpan<long> shape, Action<Stream> write)
    {
        _writer.Add(name, dtype, shape, write);
        TensorBytes += dtype.ByteLength(shape, out _);
        _reservedHeaderBytes += HeaderBytesOfTensor + name.Length;
    }

    private static unsafe void Copy(RowSource source, string path, Stream output)
    {
        FormatError error = default;
        byte* piece = (byte*)NativeMemory.Alloc(RowTransfer.PieceBytes);
        try
        {
            if (!source.TryCopy(output, piece, ref error)) throw error.ToException(path);
        }
        finally
        {
            NativeMemory.Free(piece);
            source.Release();
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private void Seal(Span<byte> header)
    {
        _headerBytes = header.Length;
        HeaderHash = HeaderSeal.SealAndTell(header);
    }

    private sealed class TensorProgress(CheckpointWriter writer, IProgress<CheckpointProgress> progress) : IProgress<long>
    {
        public void Report(long value) => progress.Report(new CheckpointProgress { Bytes = value - writer._headerBytes, TotalBytes = writer.TensorBytes });
    }

    /// <summary>Gives an output the position that the format's writer goes back and forth with.</summary>
    private sealed class OutputStream(ICheckpointOutput output) : WriteOnlyStream
    {
        private long _length;

        public override bool CanSeek => true;

        public override long Length => _length;

        public override long Position { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            output.Write(Position, buffer);
            Position += buffer.Length;
            _length = long.Max(_length, Position);
        }
    }
}
