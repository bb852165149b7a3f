using SimdEmbed.Checkpoints;
using SimdEmbed.Formats;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>The real file system, but call number <paramref name="failAt"/>, counted from 0, fails once.</summary>
internal sealed class FailingDisk(int failAt) : ICheckpointDisk
{
    private readonly CheckpointDisk _disk = CheckpointDisk.Instance;
    private int _calls;

    public bool HasFailed => _calls > failAt;

    public void CreateDirectory(string directory)
    {
        Count();
        _disk.CreateDirectory(directory);
    }

    public string[] List(string directory)
    {
        Count();
        return _disk.List(directory);
    }

    public IDisposable? TryLock(string path)
    {
        Count();
        return _disk.TryLock(path);
    }

    public ICheckpointOutput Create(string path, long bytes)
    {
        Count();
        return new Output(this, _disk.Create(path, bytes));
    }

    public FileBytes Open(string path)
    {
        Count();
        return _disk.Open(path);
    }

    public void Rename(string from, string to)
    {
        Count();
        _disk.Rename(from, to);
    }

    public void Delete(string path)
    {
        Count();
        _disk.Delete(path);
    }

    public void SyncDirectory(string directory)
    {
        Count();
        _disk.SyncDirectory(directory);
    }

    private void Count()
    {
        if (_calls++ == failAt) throw new IOException("Input/output error", 5);
    }

    private sealed class Output(FailingDisk disk, ICheckpointOutput output) : ICheckpointOutput
    {
        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            disk.Count();
            output.Write(offset, bytes);
        }

        public void SetLength(long length)
        {
            disk.Count();
            output.SetLength(length);
        }

        public void Sync()
        {
            disk.Count();
            output.Sync();
        }

        public void Dispose() => output.Dispose();
    }
}
