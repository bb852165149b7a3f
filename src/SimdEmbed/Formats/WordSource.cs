using System.Buffers.Binary;
using System.IO.Compression;

namespace SimdEmbed.Formats;

/// <summary>The bytes of a file from front to back, decompressed when the file is gzip.</summary>
internal sealed class WordSource : IDisposable
{
    private const int LengthBytes = 4;
    private const int LeastBlock = 1 << 12;
    private const int BlocksPerFile = 16;

    private readonly Stream _file;
    private readonly Stream _stream;

    /// <param name="file">The file, at its start; disposed with this object.</param>
    public WordSource(Stream file)
    {
        _file = file;
        try
        {
            FileLength = _file.Length;
            Span<byte> magic = stackalloc byte[2];
            IsCompressed = _file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) == magic.Length && magic is [0x1f, 0x8b];
            _file.Position = 0;
            _stream = IsCompressed ? new GZipStream(_file, CompressionMode.Decompress) : _file;
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>The length of the file as it lies on the disk.</summary>
    public long FileLength { get; }

    public bool IsCompressed { get; }

    /// <summary>How much to read at a time, so that what a file takes beside its words and rows is less than the file: at most <paramref name="bytes"/>.</summary>
    public int Block(int bytes) => (int)long.Min(bytes, long.Max(LeastBlock, FileLength / BlocksPerFile));

    /// <summary>How much of the file, as it lies on the disk, has been read.</summary>
    public long FilePosition => _file.Position;

    /// <summary>How many bytes have been given out.</summary>
    public long Position { get; private set; }

    /// <summary>Fills <paramref name="destination"/>, or as much of it as there is left.</summary>
    public bool TryRead(Span<byte> destination, out int read, ref FormatError error)
    {
        read = 0;
        try
        {
            read = _stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException)
        {
            return error.Fail("gzip-data", FilePosition, "its gzip data is damaged: its checksum or a code in it is wrong");
        }

        Position += read;
        return read == destination.Length || !IsCompressed || TryCheckEnd(ref error);
    }

    /// <summary>The stream ends quietly where a file was cut off; the length at a gzip file's end tells.</summary>
    private bool TryCheckEnd(ref FormatError error)
    {
        Span<byte> length = stackalloc byte[LengthBytes];
        if (FileLength >= LengthBytes)
        {
            _file.Position = FileLength - LengthBytes;
            if (_file.ReadAtLeast(length, LengthBytes, throwOnEndOfStream: false) == LengthBytes
                && BinaryPrimitives.ReadUInt32LittleEndian(length) == (uint)Position)
            {
                return true;
            }
        }

        return error.Fail(
            "gzip-length", FileLength, $"its gzip data is cut off, or more follows it: {Position} bytes came out, and its end says another number");
    }

    public void Dispose()
    {
        _stream.Dispose();
        _file.Dispose();
    }
}
