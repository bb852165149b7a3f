using System.Runtime.InteropServices;

namespace SimdEmbed.Tables;

/// <summary>
/// 2 MB pages for large blocks. A random row of a table far larger than the cache misses the translation buffer as well as the cache;
/// with large pages it rarely does: 1.1 to 2 times faster on warm wide rows.
/// </summary>
/// <remarks>
/// Linux gives them where it can when asked before the memory is first touched; other systems do without. The switch
/// <c>SimdEmbed.DisableHugePages</c> of <see cref="AppContext"/> turns the asking off.
/// </remarks>
internal static unsafe partial class HugePages
{
    private const nuint PageBytes = 2 << 20;

    /// <summary>Below this a block is left on small pages: it would waste up to half of what it asks for.</summary>
    private const nuint LeastBytes = 2 * PageBytes;

    private const int AdviceHugePage = 14;

    private static readonly bool s_enabled =
        OperatingSystem.IsLinux() && !(AppContext.TryGetSwitch("SimdEmbed.DisableHugePages", out bool disabled) && disabled);

    /// <summary>The alignment that a block of that size needs.</summary>
    public static nuint AlignmentFor(nuint bytes) => s_enabled && bytes >= LeastBytes ? PageBytes : AlignedMemory.Alignment;

    /// <summary>Asks for large pages under a new block. What the system makes of it changes no result, so its answer is not read.</summary>
    public static void Advise(byte* start, nuint bytes)
    {
        if (s_enabled && bytes >= LeastBytes) _ = Madvise(start, bytes & ~(PageBytes - 1), AdviceHugePage);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Madvise(void* start, nuint length, int advice);
}
