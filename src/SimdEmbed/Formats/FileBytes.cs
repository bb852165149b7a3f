using System.IO.Hashing;
using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;
using SimdEmbed.Internals;

namespace SimdEmbed.Formats;

/// <summary>
/// What a format is read from: an open file, a stream or memory, and the length it had when it was opened, which every claim in it
/// is checked against.
/// </summary>
internal sealed unsafe class FileBytes : IDisposable
{
    /// <summary>Large enough to cost no calls, small enough that its CRC finds it in a core's second cache.</summary>
    private const int PieceBytes = 1 << 18;

    /// <summary>Below this a read is over before another thread has begun.</summary>
    private const int ParallelBytes = 1 << 23;

    private readonly SafeFileHandle? _handle;
    private readonly Stream? _stream;
    private readonly ReadOnlyMemory<byte> _memory;
    private readonly long _streamStart;

    public FileBytes(string path)
    {
        // On Unix this also takes a shared lock on the file, which keeps those out who ask for an exclusive one.
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        Name = path;
        Length = RandomAccess.GetLength(_handle);
    }

    /// <summary>From the stream's position to its end; the stream stays the caller's.</summary>
    public FileBytes(Stream stream)
    {
        _stream = stream;
        _streamStart = stream.Position;
        Name = "stream";
        Length = Math.Max(stream.Length - _streamStart, 0);
    }

    public FileBytes(ReadOnlyMemory<byte> memory)
    {
        _memory = memory;
        Name = "memory";
        Length = memory.Length;
    }

    /// <summary>What messages call it: the path as it was given.</summary>
    public string Name { get; }

    public long Length { get; }

    /// <summary>The most that one table, or what the file says of its tensors, may take: <see cref="LoadOptions.MaxBytes"/>.</summary>
    public long MaxBytes { get; set; } = long.MaxValue;

    /// <summary>The file's handle, or null when it is no file.</summary>
    public SafeFileHandle? Handle => _handle;

    /// <summary>Whether a part that describes tensors may be given memory: to be asked before that is done.</summary>
    public bool TryAllow(string part, long bytes, long offset, ref FormatError error) =>
        bytes <= MaxBytes || error.Fail("max-bytes", offset, $"{part} has {bytes} bytes; LoadOptions.MaxBytes allows {MaxBytes}");

    /// <summary>Fills <paramref name="destination"/>; false when the file has become shorter than it was.</summary>
    public bool TryRead(long offset, Span<byte> destination, ref FormatError error)
    {
        if (_handle == null && _stream == null)
        {
            if (offset > Length - destination.Length) return Ended(Length, ref error);
            _memory.Span.Slice((int)offset, destination.Length).CopyTo(destination);
            return true;
        }

        if (_stream != null) _stream.Position = _streamStart + offset;
        while (!destination.IsEmpty)
        {
            int read = _stream == null ? RandomAccess.Read(_handle!, destination, offset) : _stream.Read(destination);
            if (read == 0) return Ended(offset, ref error);
            destination = destination[read..];
            offset += read;
        }

        return true;
    }

    /// <summary>As above for any length; much of a file is read by several threads, the memory's first touch included.</summary>
    public bool TryRead(long offset, byte* destination, long count, ref FormatError error) => count <= PieceBytes
        ? TryRead(offset, new Span<byte>(destination, (int)count), ref error)
        : TryReadPieces(offset, destination, count, null, ref error);

    /// <summary>Reads, and takes the CRC-32 of what was read on the way, while it is in the cache.</summary>
    public bool TryReadSummed(long offset, byte* destination, long count, out uint crc, ref FormatError error)
    {
        crc = 0;
        uint[] sums = new uint[(count + PieceBytes - 1) / PieceBytes];
        if (!TryReadPieces(offset, destination, count, sums, ref error)) return false;
        for (int i = 0; i < sums.Length; i++) crc = Crc32Join.Of(crc, sums[i], Math.Min(PieceBytes, count - ((long)i * PieceBytes)));
        return true;
    }

    private bool TryReadPieces(long offset, byte* destination, long count, uint[]? sums, ref FormatError error)
    {
        // A stream has one position, and memory is copied faster than a thread wakes.
        int degree = _handle != null && count >= ParallelBytes ? WorkerSet.MaxDegree : 1;
        PieceReads reads = new(this, offset, destination, count, sums);
        WorkerSet.Run(ref reads, (int)((count + PieceBytes - 1) / PieceBytes), degree);
        if (reads.Failure.Exception is { } exception) ExceptionDispatchInfo.Throw(exception);
        if (!reads.Failure.IsFailed) return true;
        error = reads.Failure.Error;
        return false;
    }

    public void Dispose() => _handle?.Dispose();

    private bool Ended(long offset, ref FormatError error) =>
        error.Fail("file-length", offset, $"the file ends; it had {Length} bytes when it was opened");

    /// <summary>What went wrong first; a helper thread must not end with an exception.</summary>
    private sealed class ReadFailure
    {
        public FormatError Error;
        public Exception? Exception;
        public volatile bool IsFailed;
    }

    private readonly struct PieceReads(FileBytes file, long offset, byte* destination, long count, uint[]? sums) : IJob
    {
        public ReadFailure Failure { get; } = new();

        public void Run(int chunk, int participant)
        {
            if (Failure.IsFailed) return;
            long skip = (long)chunk * PieceBytes;
            Span<byte> piece = new(destination + skip, (int)Math.Min(PieceBytes, count - skip));
            FormatError error = default;
            try
            {
                if (file.TryRead(offset + skip, piece, ref error))
                {
                    if (sums != null) sums[chunk] = Crc32.HashToUInt32(piece);
                    return;
                }

                lock (Failure) Failure.Error = error;
            }
            catch (Exception e)
            {
                lock (Failure) Failure.Exception ??= e;
            }

            Failure.IsFailed = true;
        }
    }
}
