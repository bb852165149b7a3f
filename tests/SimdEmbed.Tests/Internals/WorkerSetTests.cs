using SimdEmbed.Internals;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Internals;

/// <summary>The contract of the worker threads: every chunk once, alone while they are busy, and nothing allocated.</summary>
[Collection(AloneInTheProcess.Name)]
public sealed class WorkerSetTests : IDisposable
{
    private readonly int _before = WorkerSet.MaxDegree;

    public WorkerSetTests() => WorkerSet.MaxDegree = 4;

    public void Dispose() => WorkerSet.MaxDegree = _before;

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 4)]
    [InlineData(3, 4)]
    [InlineData(1000, 4)]
    [InlineData(1000, 1)]
    [InlineData(1000, 100)]
    public void Every_chunk_runs_once_on_a_participant_below_the_degree(int chunks, int degree)
    {
        for (int round = 0; round < 200; round++)
        {
            CountJob job = new(chunks);
            WorkerSet.Run(ref job, chunks, degree);
            Assert.All(job.Runs, runs => Assert.Equal(1, runs));
            Assert.InRange(job.MostParticipant, 0, int.Min(degree, 4) - 1);
        }
    }

    /// <summary>Whoever finds the set busy works alone; nobody waits for another caller's job.</summary>
    [Fact]
    public async Task Callers_on_many_threads_all_finish_their_own_chunks()
    {
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Factory.StartNew(
            () =>
            {
                for (int round = 0; round < 3000; round++)
                {
                    CountJob job = new(17);
                    WorkerSet.Run(ref job, 17, 4);
                    if (Array.Exists(job.Runs, runs => runs != 1)) throw new InvalidOperationException("a chunk did not run once");
                }
            },
            TaskCreationOptions.LongRunning)));
    }

    [Fact]
    public void A_job_inside_a_chunk_runs_alone()
    {
        NestedJob job = new() { Inner = new int[8] };
        WorkerSet.Run(ref job, 8, 4);
        Assert.All(job.Inner, runs => Assert.Equal(5, runs));
    }

    [Fact]
    public void A_call_allocates_nothing_after_a_pause_either()
    {
        CountJob job = new(64);
        for (int i = 0; i < 200; i++) WorkerSet.Run(ref job, 64, 4);
        long allocated = long.MaxValue;
        for (int round = 0; round < 8 && allocated != 0; round++)
        {
            allocated = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < 20; i++)
            {
                Thread.Sleep(2);
                WorkerSet.Run(ref job, 64, 4);
            }

            allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        }

        Assert.Equal(0, allocated);
    }

    private struct CountJob(int chunks) : IJob
    {
        private int _most = -1;

        public int[] Runs { get; } = new int[chunks];

        public readonly int MostParticipant => int.Max(_most, 0);

        public void Run(int chunk, int participant)
        {
            Interlocked.Increment(ref Runs[chunk]);
            int most = _most;
            while (participant > most && Interlocked.CompareExchange(ref _most, participant, most) != most) most = _most;
        }
    }

    private struct NestedJob : IJob
    {
        public int[] Inner { get; init; }

        public readonly void Run(int chunk, int participant)
        {
            CountJob inner = new(5);
            WorkerSet.Run(ref inner, 5, 4);
            Inner[chunk] = inner.Runs.Sum();
        }
    }
}
