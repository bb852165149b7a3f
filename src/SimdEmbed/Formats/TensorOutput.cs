using System.Globalization;
using System.IO.Hashing;
using SimdEmbed.Internals;

namespace SimdEmbed.Formats;

/// <summary>A stream that is only written to, and only with spans.</summary>
internal abstract class WriteOnlyStream : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public abstract override void Write(ReadOnlySpan<byte> buffer);

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}

/// <summary>What one tensor's bytes are written to: counts, hashes, and refuses more than was promised.</summary>
internal sealed class TensorOutput(
    Stream stream, long length, long before, bool isHashed, IProgress<long>? progress, CancellationToken cancellationToken) : WriteOnlyStream
{
    private readonly XxHash3 _hash = new();

    public long Written { get; private set; }

    public string HashText => HashingStream.Text(_hash);

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (buffer.Length > length - Written) Throw.Argument("write", $"a tensor of {length} bytes was given more.");
        if (isHashed) _hash.Append(buffer);
        stream.Write(buffer);
        Written += buffer.Length;
        progress?.Report(before + Written);
    }
}

/// <summary>Takes bytes for their XxHash3 alone.</summary>
internal sealed class HashingStream(IProgress<long>? progress, CancellationToken cancellationToken) : WriteOnlyStream
{
    private readonly XxHash3 _hash = new();
    private long _done;

    public string HashText => Text(_hash);

    /// <summary>16 hexadecimal digits, the highest first.</summary>
    public static string Text(XxHash3 hash) => hash.GetCurrentHashAsUInt64().ToString("x16", CultureInfo.InvariantCulture);

    public void Restart() => _hash.Reset();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _hash.Append(buffer);
        _done += buffer.Length;
        progress?.Report(_done);
    }
}

/// <summary>Passes bytes on, says how many there were, and ends when it is cancelled.</summary>
internal sealed class ProgressStream(Stream stream, IProgress<long>? progress, CancellationToken cancellationToken) : WriteOnlyStream
{
    private long _done;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        cancellationToken.ThrowIfCancellationRequested();
        stream.Write(buffer);
        _done += buffer.Length;
        progress?.Report(_done);
    }
}
