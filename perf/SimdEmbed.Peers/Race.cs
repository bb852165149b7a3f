using System.Runtime;

namespace SimdEmbed.Perf;

/// <summary>What a participant's blocks took, in seconds per call.</summary>
internal sealed record Lane(string Name, double[] Seconds)
{
    public double Median { get; } = MedianOf(Seconds);

    public double Best { get; } = Seconds.Min();

    private static double MedianOf(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}

/// <summary>How many times as fast the first is as the second, in blocks that ran side by side.</summary>
/// <param name="Median">The median over the rounds.</param>
/// <param name="Low">A tenth of the rounds are below.</param>
/// <param name="High">A tenth of the rounds are above.</param>
internal sealed record Ratio(double Median, double Low, double High)
{
    public static Ratio Of(Lane ours, Lane other)
    {
        double[] sorted = [.. ours.Seconds.Zip(other.Seconds, (first, second) => second / first).Order()];
        int tenth = sorted.Length / 10;
        return new Ratio(sorted[sorted.Length / 2], sorted[tenth], sorted[^(tenth + 1)]);
    }
}

/// <summary>Times calls against each other: every round holds one block of each, in turn, forwards and backwards.</summary>
internal sealed class Race(int rounds)
{
    private const int CallsPerWarmUp = 30;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromMilliseconds(200);

    // The JIT compiles what is hot on another thread, after a quiet 100 ms: first with counters, then for good. On a busy machine
    // that thread is late, so that warming up goes on until it has nothing left to do.
    private const int FewestWarmUps = 2;
    private const int MostWarmUps = 5;
    private static readonly TimeSpan s_tierUp = TimeSpan.FromMilliseconds(150);

    // Shorter than a time slice, so that on a busy machine most blocks are whole.
    private const double BlockSeconds = 0.003;

    // The others' blocks have filled the caches with their tables: so much is run again before the clock starts, and at least one
    // call, unless a call is so long that it makes no difference.
    private const double PrimeSeconds = 0.001;
    private const double LongCallSeconds = 0.050;

    // The helpers of who ran before look for work for some milliseconds before they sleep, on the core that the next one's helper needs; and
    // that one has slept, too, so that it is woken before the clock starts.
    private static readonly TimeSpan s_othersSleep = TimeSpan.FromMilliseconds(20);
    private const int BlocksToWake = 2;

    /// <summary>The lanes of the calls, and the bytes that a call of the first allocates.</summary>
    public (Lane[] Lanes, long Bytes) Run(IReadOnlyList<Call> calls, bool manyThreads)
    {
        long compiled = -1;
        for (int warmUp = 0; warmUp < FewestWarmUps || (warmUp < MostWarmUps && compiled != JitInfo.GetCompiledMethodCount()); warmUp++)
        {
            compiled = JitInfo.GetCompiledMethodCount();
            foreach (Call call in calls) WarmUp(call);
            Thread.Sleep(s_tierUp);
        }

        int[] perBlock = [.. calls.Select(CallsPerBlock)];
        int[] prime = [.. calls.Select((call, i) => call.Seconds(1) > LongCallSeconds ? 0 : int.Max(1, (int)(perBlock[i] * PrimeSeconds / BlockSeconds)))];
        double[][] seconds = [.. calls.Select(_ => new double[rounds])];
        long bytes = long.MaxValue;
        for (int round = 0; round < rounds; round++)
        {
            for (int turn = 0; turn < calls.Count; turn++)
            {
                int i = round % 2 == 0 ? turn : calls.Count - 1 - turn;
                if (manyThreads)
                {
                    Thread.Sleep(s_othersSleep);
                    calls[i].Run(BlocksToWake * perBlock[i]);
                }
                else if (prime[i] > 0)
                {
                    calls[i].Run(prime[i]);
                }

                long allocated = Allocated(manyThreads);
                seconds[i][round] = calls[i].Seconds(perBlock[i]) / perBlock[i];
                if (i == 0) bytes = long.Min(bytes, (Allocated(manyThreads) - allocated) / perBlock[i]);
            }
        }

        return ([.. calls.Select((call, i) => new Lane(call.Name, seconds[i]))], bytes);
    }

    private static void WarmUp(Call call)
    {
        int least = call.WarmUpCalls(CallsPerWarmUp);
        int done = 0;
        double seconds = 0;
        for (int calls = 1; seconds < s_warmUp.TotalSeconds || done < least; done += calls)
        {
            if (done > 0 && seconds < s_warmUp.TotalSeconds / 4) calls *= 2;
            seconds += call.Seconds(calls);
        }
    }

    private static int CallsPerBlock(Call call)
    {
        int calls = 1;
        for (double seconds = call.Seconds(calls); seconds < BlockSeconds; seconds = call.Seconds(calls))
        {
            calls = seconds < BlockSeconds / 4 ? calls * 2 : (int)(calls * BlockSeconds / seconds) + 1;
        }

        return calls;
    }

    // A collection would settle the count, and cost more than what is measured; the smallest block's count is exact without.
    private static long Allocated(bool manyThreads) => manyThreads ? GC.GetTotalAllocatedBytes(precise: true) : GC.GetAllocatedBytesForCurrentThread();
}
