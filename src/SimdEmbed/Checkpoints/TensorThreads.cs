using SimdEmbed.Tables;

namespace SimdEmbed.Checkpoints;

/// <summary>Work on the tensors of a file, each by one thread: a disk's cache and a hash are faster than one thread asks of them.</summary>
internal static class TensorThreads
{
    /// <summary>Less is done before another thread has started.</summary>
    public const long LeastBytes = 8 << 20;

    private const int MostThreads = 4;

    /// <summary>Calls <paramref name="work"/> for 0 to <paramref name="count"/> - 1, in order where there is one thread.</summary>
    public static void Run(int count, long bytes, Action<int> work, CancellationToken cancellationToken)
    {
        int degree = bytes < LeastBytes ? 1 : int.Min(int.Min(MostThreads, Environment.ProcessorCount), count);
        int next = -1;
        RowBlocks.Run(degree, size: 1, degree, Take, cancellationToken);

        void Take(long first, long end)
        {
            for (int i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next)) work(i);
        }
    }
}
