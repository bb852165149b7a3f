using System.Runtime.ExceptionServices;

namespace SimdEmbed.Tables;

/// <summary>Passes over all rows of a table that may take seconds: in blocks, on several threads, until they are cancelled.</summary>
internal static class RowBlocks
{
    /// <summary>Calls <paramref name="block"/> with the first row and the end of each block.</summary>
    public static void Run(long rows, int size, int degree, Action<long, long> block, CancellationToken cancellationToken)
    {
        long blocks = (rows + size - 1) / size;
        if (degree == 1 || blocks < 2)
        {
            for (long i = 0; i < blocks; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                block(i * size, long.Min(rows, (i + 1) * size));
            }

            return;
        }

        try
        {
            Parallel.For(
                0L, blocks, new ParallelOptions { MaxDegreeOfParallelism = degree, CancellationToken = cancellationToken }, i => block(i * size, long.Min(rows, (i + 1) * size)));
        }
        catch (AggregateException e)
        {
            // One cause, as on one thread.
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }
}
