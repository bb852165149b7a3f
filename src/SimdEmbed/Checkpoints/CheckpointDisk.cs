using Microsoft.Win32.SafeHandles;
using SimdEmbed.Formats;
using SimdEmbed.Internals;

namespace SimdEmbed.Checkpoints;

/// <summary>The file system.</summary>
internal sealed class CheckpointDisk : ICheckpointDisk
{
    public static CheckpointDisk Instance { get; } = new();

    public void CreateDirectory(string directory)
    {
        if (Directory.Exists(directory)) return;
        string? parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(directory));
        if (parent != null) CreateDirectory(parent);
        Directory.CreateDirectory(directory);
        if (parent != null) SyncDirectory(parent);
    }

    public string[] List(string directory)
    {
        // To ask first whether it exists would be to take an error for an empty directory, and to count generations from 1 again.
        try
        {
            string[] files = Directory.GetFiles(directory);
            for (int i = 0; i < files.Length; i++) files[i] = Path.GetFileName(files[i]);
            return files;
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    public IDisposable? TryLock(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return Durability.TryLock(handle, path) ? Interlocked.Exchange(ref handle, null) : null;
        }
        catch (IOException e) when (handle == null && Durability.IsLockedByOther(e))
        {
            return null;
        }
        finally
        {
            handle?.Dispose();
        }
    }

    public ICheckpointOutput Create(string path, long bytes) => new Output(path, bytes);

    public FileBytes Open(string path) => new(path);

    public void Rename(string from, string to) => Durability.Rename(from, to);

    public void Delete(string path) => File.Delete(path);

    public void SyncDirectory(string directory) => Durability.SyncDirectory(directory);

    private sealed class Output(string path, long bytes) : ICheckpointOutput
    {
        /// <summary>Enough that the disk writes in order; little enough that it is busy from early on.</summary>
        private const int StartedBytes = 8 << 20;

        private readonly SafeFileHandle _handle = File.OpenHandle(
            path, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete, preallocationSize: bytes);

        private long _started;

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            try
            {
                RandomAccess.Write(_handle, bytes, offset);
            }
            catch (NotSupportedException e)
            {
                // The runtime tries a seek first, and takes any failure of it for a device that has no positions.
                throw new IOException($"'{path}' has no positions: {e.Message}", e);
            }

            long end = offset + bytes.Length;
            if (end - _started < StartedBytes) return;
            Durability.StartSync(_handle, _started, end - _started);
            _started = end;
        }

        public void SetLength(long length) => RandomAccess.SetLength(_handle, length);

        public void Sync() => Durability.Sync(_handle, path);

        public void Dispose() => _handle.Dispose();
    }
}
