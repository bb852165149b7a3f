using System.Runtime.InteropServices;

namespace SimdEmbed.Tests.Support;

/// <summary>
/// Memory between two pages that nobody may touch: a read or a write one byte beyond what was placed in it, on the side it lies flush
/// with, ends the process. The proof of that is <see cref="Kernels.GuardedMemoryTests"/>.
/// </summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int None = 0;
    private const int ReadWrite = 1 | 2;
    private const byte Filling = 0x5A;

    private readonly byte* _start;
    private readonly nuint _page = (nuint)Environment.SystemPageSize;
    private readonly nuint _bytes;

    /// <param name="bytes">The most that is placed at once.</param>
    public GuardedMemory(int bytes)
    {
        _bytes = ((nuint)bytes + _page - 1) / _page * _page;
        _start = (byte*)Map(null, _bytes + (2 * _page), ReadWrite, Private | Anonymous, -1, 0);
        if (_start == (byte*)-1) throw new InvalidOperationException($"mmap failed: {Marshal.GetLastPInvokeErrorMessage()}");
        Guard(_start);
        Guard(_start + _page + _bytes);
    }

    /// <summary>Whether there are such pages here.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();

    private static int Private => 2;

    private static int Anonymous => OperatingSystem.IsMacOS() ? 0x1000 : 0x20;

    /// <summary>Room for <paramref name="count"/> elements that ends where the page behind begins, or begins where the page before ends.</summary>
    public T* Place<T>(long count, bool atEnd)
        where T : unmanaged
    {
        nuint bytes = (nuint)count * (nuint)sizeof(T);
        if (bytes > _bytes) throw new ArgumentOutOfRangeException(nameof(count), $"{bytes} bytes; there are {_bytes}");
        byte* data = _start + _page;
        NativeMemory.Fill(data, _bytes, Filling);
        return (T*)(atEnd ? data + _bytes - bytes : data);
    }

    /// <summary>The same, with values in it.</summary>
    public T* Place<T>(ReadOnlySpan<T> values, bool atEnd)
        where T : unmanaged
    {
        T* place = Place<T>(values.Length, atEnd);
        values.CopyTo(new Span<T>(place, values.Length));
        return place;
    }

    public void Dispose()
    {
        if (Unmap(_start, _bytes + (2 * _page)) != 0) throw new InvalidOperationException("munmap failed");
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(void* address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint bytes);

    private void Guard(byte* page)
    {
        if (Protect(page, _page, None) != 0) throw new InvalidOperationException($"mprotect failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }
}
