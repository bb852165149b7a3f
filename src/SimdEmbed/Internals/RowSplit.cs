namespace SimdEmbed.Internals;

/// <summary>How a lookup or a pooling is split over threads: contiguous ranges of the output, each with one writer.</summary>
internal static unsafe class RowSplit
{
    /// <summary>Chunks for each thread: enough that one which starts late leaves the rest to the others. Of 1 to 16, 4 and 8 took the least time.</summary>
    public const int ChunksPerThread = 4;

    /// <summary>How many chunks a call of so many floats makes: one where waking a thread costs more than it saves.</summary>
    public static int Chunks(int degree, long positions, int dim)
    {
        degree = int.Min(degree, WorkerSet.MaxDegree);
        return degree == 1 || positions * dim < WorkerSet.LeastFloats ? 1 : degree * ChunksPerThread;
    }

    /// <summary>The first of <paramref name="count"/> positions that belongs to a chunk.</summary>
    public static int First(int count, int chunk, int chunks) => (int)((long)count * chunk / chunks);

    /// <summary>The first of <paramref name="count"/> bags that belongs to a chunk: chunks have about as many indices each.</summary>
    public static int FirstBag(int* offsets, int count, int chunk, int chunks)
    {
        if (chunk == chunks) return count;
        int position = offsets[0] + First(offsets[count] - offsets[0], chunk, chunks);
        int low = 0;
        int high = count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (offsets[middle] < position) low = middle + 1;
            else high = middle;
        }

        return low;
    }
}
