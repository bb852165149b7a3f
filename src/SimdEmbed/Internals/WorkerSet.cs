using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Internals;

/// <summary>Work in numbered chunks that any thread may take, in any order.</summary>
internal interface IJob
{
    /// <summary>Does one chunk; <paramref name="participant"/> is 0 for the caller and below the degree for helpers.</summary>
    void Run(int chunk, int participant);
}

/// <summary>
/// Threads of the process that help a caller with its chunks. The caller takes chunks itself, never waits for a helper that has
/// not started, works alone while the set serves another caller, and allocates nothing.
/// </summary>
/// <remarks>Threads of our own: queueing to the thread pool allocated 40 to 1,064 bytes over 200,000 calls, a thread of our own none.</remarks>
internal static unsafe class WorkerSet
{
    /// <summary>
    /// How long a helper looks for the next job before it parks: longer than the serial part between two calls of a training loop,
    /// and short enough that an idle service burns nothing. Waking a parked thread costs the caller a system call.
    /// </summary>
    private const int SpinMicroseconds = 60;

    private const int Closed = -1;

    private static readonly Lock s_starting = new();
    private static Helper[] s_helpers = [];

    // The state of the one job: its owner holds s_busy; helpers join while s_active is not Closed.
    private static int s_busy;
    private static int s_active = Closed;
    private static int s_next;
    private static int s_chunks;
    private static int s_seats;
    private static int s_epoch;
    private static void* s_job;
    private static delegate*<void*, int, int, void> s_run;

    /// <summary>The most threads that can work on one job, the caller included.</summary>
    public static int MaxDegree { get; set; } = Environment.ProcessorCount;

    /// <summary>Floats of work below which waking another thread costs more than it saves.</summary>
    public static long LeastFloats { get; set; } = 1 << 15;

    /// <summary>Runs all chunks and returns when they are done; <paramref name="job"/> stays where it is, on the caller's stack.</summary>
    public static void Run<TJob>(ref TJob job, int chunks, int degree)
        where TJob : struct, IJob, allows ref struct
    {
        int helpers = int.Min(int.Min(degree, MaxDegree), chunks) - 1;
        if (helpers <= 0 || !HasHelpers(helpers) || Interlocked.CompareExchange(ref s_busy, 1, 0) != 0)
        {
            for (int chunk = 0; chunk < chunks; chunk++) job.Run(chunk, 0);
            return;
        }

        s_job = Unsafe.AsPointer(ref job);
        s_run = &RunChunk<TJob>;
        s_next = 0;
        s_chunks = chunks;
        s_seats = helpers;
        Volatile.Write(ref s_active, 0);
        Interlocked.Increment(ref s_epoch);
        for (int i = 0; i < helpers; i++) s_helpers[i].Wake();

        TakeChunks(0);

        // Nobody may join from here on; who has joined is inside a chunk, and its end is near.
        SpinWait spin = default;
        while (Interlocked.CompareExchange(ref s_active, Closed, 0) != 0) spin.SpinOnce(sleep1Threshold: -1);
        Volatile.Write(ref s_busy, 0);
    }

    private static void RunChunk<TJob>(void* job, int chunk, int participant)
        where TJob : struct, IJob, allows ref struct => Unsafe.AsRef<TJob>(job).Run(chunk, participant);

    private static void TakeChunks(int participant)
    {
        int chunk;
        while ((chunk = Interlocked.Increment(ref s_next) - 1) < s_chunks) s_run(s_job, chunk, participant);
    }

    /// <summary>Whether there are so many helpers now. A system that gives no more threads leaves callers alone with their work.</summary>
    private static bool HasHelpers(int count)
    {
        if (s_helpers.Length >= count) return true;
        lock (s_starting)
        {
            try
            {
                while (s_helpers.Length < count) s_helpers = [.. s_helpers, new Helper(s_helpers.Length + 1)];
            }
            catch (OutOfMemoryException)
            {
                return false;
            }
        }

        return true;
    }

#pragma warning disable CA1001 // A helper lives as long as the process, and so does what wakes it.
    private sealed class Helper
#pragma warning restore CA1001
    {
        private readonly SemaphoreSlim _wake = new(0);
        private readonly int _participant;
        private int _parked;

        public Helper(int participant)
        {
            _participant = participant;
            new Thread(Loop, maxStackSize: 256 * 1024) { IsBackground = true, Name = "SimdEmbed " + participant }.Start();
        }

        public void Wake()
        {
            if (Interlocked.Exchange(ref _parked, 0) == 1) _wake.Release();
        }

        private void Loop()
        {
            int seen = 0;
            while (true)
            {
                WaitForEpoch(seen);
                seen = Volatile.Read(ref s_epoch);
                if (!Join()) continue;
                TakeChunks(_participant);
                Interlocked.Decrement(ref s_active);
            }
        }

        private void WaitForEpoch(int seen)
        {
            long end = Stopwatch.GetTimestamp() + (SpinMicroseconds * Stopwatch.Frequency / 1_000_000);
            while (Volatile.Read(ref s_epoch) == seen)
            {
                if (Stopwatch.GetTimestamp() < end)
                {
                    Thread.SpinWait(20);
                    continue;
                }

                // Parked is said before the epoch is read again: either the caller sees it and wakes, or the epoch is new here.
                Interlocked.Exchange(ref _parked, 1);
                if (Volatile.Read(ref s_epoch) != seen && Interlocked.Exchange(ref _parked, 0) == 1) return;
                _wake.Wait();
            }
        }

        /// <summary>Takes a seat in the job that is open now, if one is and its degree has room for this helper.</summary>
        private bool Join()
        {
            while (true)
            {
                int active = Volatile.Read(ref s_active);
                if (active == Closed) return false;
                if (Interlocked.CompareExchange(ref s_active, active + 1, active) != active) continue;
                if (_participant <= Volatile.Read(ref s_seats)) return true;
                Interlocked.Decrement(ref s_active);
                return false;
            }
        }
    }
}
