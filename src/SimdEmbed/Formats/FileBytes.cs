using Microsoft.Win32.SafeHandles;

namespace SimdEmbed.Formats;

/// <summary>
/// What a format is read from: an open file, a stream or memory, and the length it had when it was opened, which every claim in it
/// is checked against.
/// </summary>
internal sealed unsafe class FileBytes : IDisposable
{
    /// <summary>Large enough to cost no calls, small enough that a cancelled read ends soon.</summary>
    private const int ReadBytes = 1 << 26;

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

    public bool TryRead(long offset, byte* destination, long count, ref FormatError error)
    {
        for (long done = 0; done < count;)
        {
            Span<byte> chunk = new(destination + done, (int)Math.Min(count - done, ReadBytes));
            if (!TryRead(offset + done, chunk, ref error)) return false;
            done += chunk.Length;
        }

        return true;
    }

    public void Dispose() => _handle?.Dispose();

    private bool Ended(long offset, ref FormatError error) =>
        error.Fail("file-length", offset, $"the file ends; it had {Length} bytes when it was opened");
}
