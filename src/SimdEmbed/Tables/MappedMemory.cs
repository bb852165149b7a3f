using System.IO.MemoryMappedFiles;
using System.Runtime.ConstrainedExecution;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SimdEmbed.Tables;

/// <summary>
/// A file in the address space, read-only, with one owner. It keeps the file open and with it the shared lock, which asks others
/// not to cut the file: the system kills a process that reads a page behind a file's end.
/// </summary>
internal sealed unsafe partial class MappedMemory : CriticalFinalizerObject, IDisposable
{
    private const int RandomAccessAdvice = 1;

    private readonly SafeFileHandle _file;
    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private bool _holdsFile;
    private bool _holdsView;

    /// <param name="file">An open file that is not empty; it stays open as long as the mapping.</param>
    /// <exception cref="IOException">The system refuses.</exception>
    public MappedMemory(SafeFileHandle file)
    {
        _file = file;
        file.DangerousAddRef(ref _holdsFile);
        _mapping = MemoryMappedFile.CreateFromFile(
            file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _mapping.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _holdsView = true;
        Start = start;
        Length = RandomAccess.GetLength(file);
    }

    ~MappedMemory() => Release();

    public byte* Start { get; }

    /// <summary>The length of the file after it was mapped: bytes from here on are not there.</summary>
    public long Length { get; }

    /// <summary>Tells the system that rows are looked up in no order, so that it does not read what nobody asked for.</summary>
    public void AdviseRandom()
    {
        // It is advice: a system that does not take it reads more than it has to, and no result depends on it.
        if (OperatingSystem.IsLinux()) _ = Advise(Start, (nuint)Length, RandomAccessAdvice);
    }

    /// <summary>Reads one byte of each page, so that later reads find them in memory.</summary>
    public void Prefault(long offset, long bytes)
    {
        int sum = 0;
        for (long at = 0; at < bytes; at += Environment.SystemPageSize) sum += Volatile.Read(ref Start[offset + at]);
        GC.KeepAlive(sum);
    }

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(byte* start, nuint bytes, int advice);

    private void Release()
    {
        // The finalizer also runs when the constructor threw: then some of it is missing.
        if (_holdsView) _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _holdsView = false;
        _view?.Dispose();
        _mapping?.Dispose();
        if (_holdsFile) _file.DangerousRelease();
        _holdsFile = false;
    }
}
