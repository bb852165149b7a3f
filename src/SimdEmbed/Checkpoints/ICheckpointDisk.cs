using SimdEmbed.Formats;

namespace SimdEmbed.Checkpoints;

/// <summary>
/// All that checkpoints ask of a file system. The proofs put another in the place of the real one: one that fails at a chosen call,
/// or loses what was not flushed. Every failure is an <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.
/// </summary>
internal interface ICheckpointDisk
{
    /// <summary>Makes the directory, and those it lies in, where they are missing.</summary>
    void CreateDirectory(string directory);

    /// <summary>The names of the files in a directory; none where there is no directory.</summary>
    string[] List(string directory);

    /// <summary>Takes the directory for one saver until the lock is disposed; null when another has it.</summary>
    IDisposable? TryLock(string path);

    /// <summary>Creates a file that was not there, with disk space for <paramref name="bytes"/>.</summary>
    ICheckpointOutput Create(string path, long bytes);

    /// <summary>Opens a file to be read.</summary>
    FileBytes Open(string path);

    void Rename(string from, string to);

    /// <summary>Removes a file; one that is not there is no error.</summary>
    void Delete(string path);

    void SyncDirectory(string directory);
}

/// <summary>A file that is being written.</summary>
internal interface ICheckpointOutput : IDisposable
{
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Cuts off what was reserved beyond <paramref name="length"/>.</summary>
    void SetLength(long length);

    /// <summary>All of the file is on the disk when it returns.</summary>
    void Sync();
}
