using System.Diagnostics;

namespace SimdEmbed.Cli;

/// <summary>Something to time: <see cref="Run"/> holds the loop, so that the timer adds nothing to a call.</summary>
internal interface ITimedCall
{
    string Name { get; }

    int Rows { get; }

    void Run(int calls);
}

/// <summary>Times calls in blocks after a warm-up, and counts the bytes they allocate.</summary>
internal static class CallTimer
{
    private const int Blocks = 41;
    private const int CallsPerWarmUp = 16;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_block = TimeSpan.FromMilliseconds(2);

    // The JIT compiles what is hot on another thread, after a quiet 100 ms: first with counters, then for good.
    private static readonly TimeSpan s_tierUp = TimeSpan.FromMilliseconds(150);
    private static readonly int s_tiers = EngineInfo.IsNative ? 1 : 2;

    public static IReadOnlyList<Timing> Measure(ITimedCall[] calls)
    {
        for (int tier = 0; tier < s_tiers; tier++)
        {
            foreach (ITimedCall call in calls) WarmUp(call);
            if (!EngineInfo.IsNative) Thread.Sleep(s_tierUp);
        }

        return Array.ConvertAll(calls, Measure);
    }

    private static void WarmUp(ITimedCall call)
    {
        long start = Stopwatch.GetTimestamp();
        do call.Run(CallsPerWarmUp);
        while (Stopwatch.GetElapsedTime(start) < s_warmUp);
    }

    private static Timing Measure(ITimedCall call)
    {
        int callsPerBlock = 1;
        while (Time(call, callsPerBlock) < s_block) callsPerBlock *= 2;

        double[] nanoseconds = new double[Blocks];
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        for (int block = 0; block < Blocks; block++) nanoseconds[block] = Time(call, callsPerBlock).TotalNanoseconds / callsPerBlock;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;

        Array.Sort(nanoseconds);
        double bytesPerCall = (double)allocated / ((long)Blocks * callsPerBlock);
        return new Timing(call.Name, call.Rows, nanoseconds[Blocks / 2], nanoseconds[0], bytesPerCall);
    }

    private static TimeSpan Time(ITimedCall call, int calls)
    {
        long start = Stopwatch.GetTimestamp();
        call.Run(calls);
        return Stopwatch.GetElapsedTime(start);
    }
}
