using System.Runtime.CompilerServices;
using System.Runtime.ConstrainedExecution;
using System.Runtime.InteropServices;

namespace SimdEmbed.Internals;

/// <summary>
/// Scratch memory for the length of one call, from an arena that belongs to the thread. It costs no managed allocation and,
/// once a call of the same size has been made, no native one either.
/// </summary>
/// <remarks>
/// Use it with <c>using</c>. Nested rents stack: the inner one takes what lies above the outer one. Where the arena is too
/// small and in use, the inner rent gets memory of its own, and the arena grows to the sum at the next outermost rent.
/// </remarks>
internal unsafe ref struct Workspace
{
    private const int Alignment = 64;

    [ThreadStatic]
    private static Arena? s_arena;

    private readonly Arena _arena;
    private readonly nuint _mark;
    private readonly byte* _overflow;
    private readonly nuint _bytes;
    private byte* _next;
    private nuint _left;

    private Workspace(Arena arena, nuint bytes)
    {
        _arena = arena;
        _mark = arena.Used;
        if (_mark == 0) arena.Reserve(bytes);
        nuint end = _mark + bytes;
        if (end <= arena.Capacity) _next = arena.Start + _mark;
        else _next = _overflow = Arena.Allocate(bytes);
        _left = _bytes = bytes;

        // Only now: what could not be had is not wanted by the calls that follow.
        arena.Used = end;
        arena.Wanted = nuint.Max(arena.Wanted, end);
    }

    /// <summary>What <see cref="Take{T}"/> of <paramref name="count"/> elements consumes: whole cache lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint SizeOf<T>(long count)
        where T : unmanaged => checked(((nuint)count * (nuint)sizeof(T) + Alignment - 1) & ~(nuint)(Alignment - 1));

    public static Workspace Rent(nuint bytes) =>
        new(s_arena ??= new Arena(), (bytes + Alignment - 1) & ~(nuint)(Alignment - 1));

    /// <summary>The next <paramref name="count"/> elements, 64-byte aligned, with whatever bytes the last user left.</summary>
    public T* Take<T>(long count)
        where T : unmanaged
    {
        nuint bytes = SizeOf<T>(count);
        if (bytes > _left) Throw.WorkspaceTooSmall(_left, bytes);
        byte* start = _next;
        _next += bytes;
        _left -= bytes;
        return (T*)start;
    }

    public void Dispose()
    {
        _arena.Used = _mark;
        if (_overflow != null) Arena.Free(_overflow, _bytes);
    }

    /// <summary>One thread's memory; the finalizer runs after the thread is gone.</summary>
    private sealed class Arena : CriticalFinalizerObject
    {
        public byte* Start;
        public nuint Capacity;
        public nuint Used;
        public nuint Wanted;

        ~Arena() => Release();

        public static byte* Allocate(nuint bytes)
        {
            byte* memory = null;
            try
            {
                memory = (byte*)NativeMemory.AlignedAlloc(bytes, Alignment);
            }
            catch (OutOfMemoryException e)
            {
                Throw.OutOfMemory("scratch memory for this call", bytes, e);
            }

            NativeBytes.Take(bytes);
            return memory;
        }

        public static void Free(byte* memory, nuint bytes)
        {
            NativeMemory.AlignedFree(memory);
            NativeBytes.Return(bytes);
        }

        public void Reserve(nuint bytes)
        {
            nuint wanted = nuint.Max(bytes, Wanted);
            if (wanted <= Capacity) return;

            // Growing by half keeps slowly growing batches from reallocating on every call.
            wanted = nuint.Max(wanted, Capacity + (Capacity / 2));
            byte* grown = Allocate(wanted);
            Release();
            Start = grown;
            Capacity = wanted;
        }

        private void Release()
        {
            Free(Start, Capacity);
            Start = null;
            Capacity = 0;
        }
    }
}
