using SimdEmbed.Internals;
using Xunit;

namespace SimdEmbed.Tests.Support;

/// <summary>Asserts that a call allocates nothing once it has been made before: managed bytes and native ones.</summary>
internal static class Allocations
{
    private const int Warmup = 50;
    private const int Calls = 1000;

    public static void AssertNone(Action call)
    {
        for (int i = 0; i < Warmup; i++) call();
        long native = NativeBytes.TakenByThread;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Calls; i++) call();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(native, NativeBytes.TakenByThread);
    }
}
