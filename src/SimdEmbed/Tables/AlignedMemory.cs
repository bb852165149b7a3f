using System.Runtime.ConstrainedExecution;
using System.Runtime.InteropServices;
using SimdEmbed.Internals;

namespace SimdEmbed.Tables;

/// <summary>
/// A block of native memory on a 64-byte line, with one owner. Managed arrays are not aligned to a cache line, pinned ones
/// included, and a row that starts inside a line costs one line more on every random access.
/// </summary>
internal sealed unsafe class AlignedMemory : CriticalFinalizerObject, IDisposable
{
    public const int Alignment = 64;

    /// <summary>Bytes behind the last one asked for that belong to the block, so that a full vector may be read at the end.</summary>
    public const int Overread = 64;

    private byte* _start;

    /// <param name="bytes">The size; the content is not initialised.</param>
    /// <param name="what">What the memory is for, to be named if there is not enough of it.</param>
    /// <exception cref="InsufficientMemoryException">The system refuses.</exception>
    public AlignedMemory(UInt128 bytes, string what)
    {
        if (bytes > (UInt128)(nint.MaxValue - Overread)) Throw.OutOfMemory(what, bytes);
        try
        {
            _start = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + Overread, HugePages.AlignmentFor((nuint)bytes));
        }
        catch (OutOfMemoryException e)
        {
            Throw.OutOfMemory(what, bytes, e);
        }

        Bytes = (nuint)bytes;
        HugePages.Advise(_start, Bytes);
        NativeMemory.Clear(_start + Bytes, Overread);
        NativeBytes.Take(Bytes);

        // Without the pressure the collector sees a small object and lets gigabytes wait for their finalizer.
        if (Bytes > 0) GC.AddMemoryPressure((long)Bytes);
    }

    ~AlignedMemory() => Release();

    public byte* Start => _start;

    public nuint Bytes { get; }

    /// <summary>
    /// Makes <paramref name="memory"/> hold at least <paramref name="bytes"/> and keeps its content. Throws before anything has
    /// changed.
    /// </summary>
    public static void Grow(ref AlignedMemory? memory, UInt128 bytes, string what)
    {
        if (memory == null) Throw.Disposed("the owner of " + what);
        if (bytes <= memory.Bytes) return;

        // Half as much again, so that slowly growing batches do not reallocate on every call.
        AlignedMemory grown = new(UInt128.Max(bytes, (UInt128)memory.Bytes * 3 / 2), what);
        Buffer.MemoryCopy(memory._start, grown._start, grown.Bytes, memory.Bytes);
        memory.Dispose();
        memory = grown;
    }

    public void Clear() => NativeMemory.Clear(_start, Bytes);

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        // The finalizer also runs when the constructor threw: then there is nothing to give back.
        if (_start == null) return;
        NativeMemory.AlignedFree(_start);
        _start = null;
        NativeBytes.Return(Bytes);
        if (Bytes > 0) GC.RemoveMemoryPressure((long)Bytes);
    }
}
