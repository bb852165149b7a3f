using Microsoft.Win32.SafeHandles;

namespace SimdEmbed.Formats;

/// <summary>An open file and the length it had when it was opened: what every claim in it is checked against.</summary>
internal sealed class FileBytes : IDisposable
{
    private readonly SafeFileHandle _handle;

    public FileBytes(string path)
    {
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        Length = RandomAccess.GetLength(_handle);
    }

    public long Length { get; }

    /// <summary>Fills <paramref name="destination"/>; false when the file has become shorter than it was.</summary>
    public bool TryRead(long offset, Span<byte> destination, ref FormatError error)
    {
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(_handle, destination, offset);
            if (read == 0) return error.Fail("file-length", offset, $"the file ends; it had {Length} bytes when it was opened");
            destination = destination[read..];
            offset += read;
        }

        return true;
    }

    public void Dispose() => _handle.Dispose();
}
