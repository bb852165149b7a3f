using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SimdEmbed.Kernels;

/// <summary>Hints that a row will be used soon. They never fault and change no result; without the instruction they are nothing.</summary>
internal static unsafe class Prefetch
{
    private const int Line = 64;

    /// <summary>Asks for the first lines of a row: the hardware follows the rest of a long one by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Row(void* row, nint bytes)
    {
        if (!Sse.IsSupported) return;
        byte* start = (byte*)row;
        nint end = nint.Min(bytes, 8 * Line);
        for (nint offset = 0; offset < end; offset += Line) Sse.Prefetch0(start + offset);
    }
}
