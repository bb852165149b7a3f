using System.IO.Compression;
using System.IO.Hashing;

namespace SimdEmbed.Formats;

/// <summary>
/// A record of an archive that is deflated. It is inflated from front to back, never beyond the length that the directory promises,
/// and reading its last byte checks its CRC; going back starts again.
/// </summary>
internal sealed unsafe class DeflatedZipBytes(FileBytes file, StoredZipEntry entry) : TensorBytes(entry.Length)
{
    private const int ChunkBytes = 1 << 16;

    private readonly Crc32 _crc = new();
    private DeflateStream? _inflater;
    private long _position;

    public override long? FileOffset => null;

    public override bool HasSum => true;

    public override bool TryRead(long skip, byte* destination, long count, ref FormatError error)
    {
        try
        {
            if (_inflater == null || skip < _position) Restart();
            Span<byte> scratch = stackalloc byte[4096];
            while (_position < skip)
            {
                if (!TryInflate(scratch[..(int)Math.Min(skip - _position, scratch.Length)], ref error)) return false;
            }

            for (long done = 0; done < count;)
            {
                Span<byte> chunk = new(destination + done, (int)Math.Min(count - done, ChunkBytes));
                if (!TryInflate(chunk, ref error)) return false;
                done += chunk.Length;
            }

            return _position < Length || TryFinish(ref error);
        }
        catch (InvalidDataException)
        {
            return error.Fail("zip-deflate", entry.PayloadOffset, $"zip record {FormatError.Quote(entry.Name)} is no deflated data");
        }
    }

    public override bool TryVerify(ref FormatError error)
    {
        byte last;
        return Length == 0 ? TryRead(0, &last, 0, ref error) : TryRead(Length - 1, &last, 1, ref error);
    }

    protected override void Release()
    {
        _inflater?.Dispose();
        _inflater = null;
    }

    private void Restart()
    {
        Release();
        _inflater = new DeflateStream(new FilePart(file, entry.PayloadOffset, entry.Packed), CompressionMode.Decompress);
        _crc.Reset();
        _position = 0;
    }

    private bool TryInflate(Span<byte> chunk, ref FormatError error)
    {
        int read = _inflater!.ReadAtLeast(chunk, chunk.Length, throwOnEndOfStream: false);
        _crc.Append(chunk[..read]);
        _position += read;
        return read == chunk.Length || error.Fail(
            "zip-size",
            entry.PayloadOffset,
            $"zip record {FormatError.Quote(entry.Name)} inflates to {_position} bytes; the directory claims {Length}");
    }

    private bool TryFinish(ref FormatError error)
    {
        Span<byte> more = stackalloc byte[1];
        if (_inflater!.Read(more) != 0)
        {
            return error.Fail(
                "zip-size",
                entry.PayloadOffset,
                $"zip record {FormatError.Quote(entry.Name)} inflates to more than the {Length} bytes that the directory claims");
        }

        uint found = _crc.GetCurrentHashAsUInt32();
        return found == entry.Crc || error.Fail(
            "zip-crc",
            entry.PayloadOffset,
            $"zip record {FormatError.Quote(entry.Name)} has CRC {found:x8}; expected {entry.Crc:x8}: the file is damaged");
    }

    /// <summary>The packed bytes as a stream, for the inflater.</summary>
    private sealed class FilePart(FileBytes file, long offset, long length) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            Span<byte> part = buffer[..(int)Math.Min(buffer.Length, length - _position)];
            FormatError error = default;

            // A file that became shorter is found by the inflater, which then lacks bytes.
            if (!file.TryRead(offset + _position, part, ref error)) return 0;
            _position += part.Length;
            return part.Length;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
