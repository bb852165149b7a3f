using SimdEmbed.Internals;
using Xunit;

namespace SimdEmbed.Tests.Support;

/// <summary>Asserts that a call allocates nothing once it has been made before: managed bytes and native ones.</summary>
internal static class Allocations
{
    private const int Warmup = 50;
    private const int Calls = 1000;
    private const int Rounds = 5;

    /// <remarks>
    /// The runtime compiles a hot loop again on the thread that runs it, and may allocate for that, once. So a round that saw an
    /// allocation is repeated: a call that allocates does so in every round of a thousand.
    /// </remarks>
    public static void AssertNone(Action call)
    {
        for (int i = 0; i < Warmup; i++) call();
        long managed = 0;
        long native = 0;
        for (int round = 0; round < Rounds; round++)
        {
            native = NativeBytes.TakenByThread;
            managed = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Calls; i++) call();
            managed = GC.GetAllocatedBytesForCurrentThread() - managed;
            native = NativeBytes.TakenByThread - native;
            if (managed == 0 && native == 0) return;
        }

        Assert.Fail($"{Calls} calls allocate {managed} managed and {native} native bytes");
    }
}
