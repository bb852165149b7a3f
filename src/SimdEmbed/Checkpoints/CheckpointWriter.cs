using System.Globalization;
using SimdEmbed.Formats;

namespace SimdEmbed.Checkpoints;

/// <summary>A training state as a safetensors file: tensors with a sum each, everything else as metadata.</summary>
internal sealed class CheckpointWriter
{
    public const string Version = "1";
    public const string VersionKey = TrainingState.ReservedPrefix + "checkpoint";
    public const string GenerationKey = TrainingState.ReservedPrefix + "generation";
    public const string StepKey = TrainingState.ReservedPrefix + "step";
    public const string OptimizerPrefix = TrainingState.ReservedPrefix + "optimizer.";
    public const string RandomStateName = TrainingState.ReservedPrefix + "random_state";
    public const string UserPrefix = "user.";

    private readonly SafetensorsWriter _writer;
    private long _headerBytes;

    public CheckpointWriter(TrainingState state, long generation)
    {
        _writer = new SafetensorsWriter { SealHeader = Seal };
        foreach (CheckpointTensor tensor in state.Tensors())
        {
            _writer.Add(tensor.Name, tensor.Dtype, tensor.Shape, tensor.Write);
            TensorBytes += tensor.Dtype.ByteLength(tensor.Shape, out _);
            ReservedBytes += HeaderBytesOfTensor + tensor.Name.Length;
        }

        if (!state.RandomState.IsEmpty)
        {
            _writer.Add(RandomStateName, TensorDtype.UInt8, [state.RandomState.Length], state.RandomState);
            TensorBytes += state.RandomState.Length;
        }

        IDictionary<string, string> metadata = _writer.Metadata;
        metadata[VersionKey] = Version;
        metadata[GenerationKey] = generation.ToString(CultureInfo.InvariantCulture);
        metadata[StepKey] = state.Step.ToString(CultureInfo.InvariantCulture);
        metadata[HeaderSeal.Key] = HeaderSeal.Placeholder;
        foreach ((string name, Optimizer optimizer) in state.Optimizers) metadata[OptimizerPrefix + name] = OptimizerDescription.Of(optimizer, state).ToJson();
        foreach ((string key, string value) in state.Metadata) metadata[UserPrefix + key] = value ?? "";
        foreach ((string key, string value) in metadata) ReservedBytes += key.Length + value.Length;
        ReservedBytes += TensorBytes;
    }

    /// <summary>Bytes of all tensors.</summary>
    public long TensorBytes { get; }

    /// <summary>About the bytes of the file: disk space for so much is asked for before anything is written.</summary>
    public long ReservedBytes { get; } = HeaderBytesOfTensor;

    /// <summary>What a tensor's entry and its sum take in the header beside its name.</summary>
    private const int HeaderBytesOfTensor = 256;

    /// <summary>Writes the file and returns its length.</summary>
    public long Write(ICheckpointOutput output, IProgress<CheckpointProgress>? progress, CancellationToken cancellationToken)
    {
        OutputStream stream = new(output);
        _writer.Write(stream, progress == null ? null : new TensorProgress(this, progress), cancellationToken);
        return stream.Length;
    }

    private void Seal(Span<byte> header)
    {
        _headerBytes = header.Length;
        HeaderSeal.Seal(header);
    }

    private sealed class TensorProgress(CheckpointWriter writer, IProgress<CheckpointProgress> progress) : IProgress<long>
    {
        public void Report(long value) => progress.Report(new CheckpointProgress(value - writer._headerBytes, writer.TensorBytes));
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
