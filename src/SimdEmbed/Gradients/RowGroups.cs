using System.Numerics;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed.Gradients;

/// <summary>
/// A batch's positions grouped by row: touched row <c>g</c> is <c>Rows[g]</c>, and its positions, in batch order, are
/// <c>Sources[Starts[g]]</c> to <c>Sources[Starts[g + 1] - 1]</c>. Rows ascend.
/// </summary>
/// <remarks>Sorting makes the backward scatter a pooling: one writer per row, and additions in batch order.</remarks>
internal unsafe ref struct RowGroups
{
    /// <summary>Touched rows that are summed before they go on to their destination: 64 rows stay in the first cache.</summary>
    public const int BlockRows = 64;

    public int Count;
    public long* Rows;
    public int* Starts;
    public int* Sources;

    /// <summary>A factor for each of <see cref="Sources"/>, or null for 1.</summary>
    public float* Weights;

    /// <summary>
    /// True when a source is not a row of the output gradient but one element of it, which goes to the touched row's same column:
    /// the winners of max pooling.
    /// </summary>
    public bool AreElements;

    /// <summary>How often each touched row occurs, to divide its sum by; null unless asked for.</summary>
    public float* Divisors;

    /// <summary>Workspace bytes for a batch of <paramref name="positions"/>: sized before anything is known of its rows.</summary>
    public static nuint Bytes(int positions) =>
        (2 * Workspace.SizeOf<ulong>(positions)) + Workspace.SizeOf<int>(RadixSort.HistogramLength(positions))
        + Workspace.SizeOf<long>(positions) + Workspace.SizeOf<int>(positions + 1L) + Workspace.SizeOf<int>(positions)
        + Workspace.SizeOf<float>(positions);

    /// <summary>
    /// Groups <paramref name="indices"/> into a table of <paramref name="tableRows"/> rows. Positions of
    /// <paramref name="skippedRow"/> (-1 for none) and of indices that are no row are left out.
    /// </summary>
    public static RowGroups Build<TIndex>(TIndex* indices, int length, long tableRows, long skippedRow, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ulong* keys = workspace.Take<ulong>(length);
        ulong* other = workspace.Take<ulong>(length);
        int* histogram = workspace.Take<int>(RadixSort.HistogramLength(length));
        long* rows = workspace.Take<long>(length);
        int* starts = workspace.Take<int>(length + 1L);
        int* sources = workspace.Take<int>(length);

        // Row and position share a 64-bit key: keys are distinct, and a stable sort by the row's bits alone keeps batch order.
        int positionBits = BitsFor((ulong)length);
        int rowBits = BitsFor((ulong)tableRows);
        if (positionBits + rowBits > 64)
        {
            Throw.Argument(nameof(indices), $"a batch of {length} indices into {tableRows} rows is too large to sort; split the batch.");
        }

        int kept = 0;
        for (int i = 0; i < length; i++)
        {
            ulong row = ulong.CreateTruncating(indices[i]);
            keys[kept] = (row << positionBits) | (uint)i;
            kept += row < (ulong)tableRows && row != (ulong)skippedRow ? 1 : 0;
        }

        keys = RadixSort.Sort(keys, other, kept, positionBits, positionBits + rowBits, histogram);

        ulong positionMask = (1UL << positionBits) - 1;
        long previous = -1;
        int count = 0;
        for (int i = 0; i < kept; i++)
        {
            // Written for every position and kept for the first of each row: half of the rows are new, which no branch predicts.
            long row = (long)(keys[i] >> positionBits);
            sources[i] = (int)(keys[i] & positionMask);
            rows[count] = row;
            starts[count] = i;
            count += row != previous ? 1 : 0;
            previous = row;
        }

        starts[count] = kept;
        return new RowGroups { Count = count, Rows = rows, Starts = starts, Sources = sources };
    }

    /// <summary>The segment sum's plan: the bag of row <c>g</c> is its positions.</summary>
    public readonly BagPlan<int> Plan(int first, int count) => new()
    {
        Indices = Sources,
        Offsets = Starts + first,
        Count = count,
        Following = Starts[Count] - Starts[first + count],
        Weights = Weights,
        Divisors = Divisors == null ? null : Divisors + first,
    };

    /// <summary>Writes the sum of each bag of <paramref name="plan"/>, which is some of the touched rows, from +0.0 in batch order.</summary>
    public readonly void Sum(in RowView source, in BagPlan<int> plan, float* output)
    {
        if (AreElements) ElementScatter.Run(source, plan, output);
        else if (Weights != null) Pool<int, Sum<Float32, Weighted>>.Run(source, plan, output);
        else Pool<int, Sum<Float32, Unweighted>>.Run(source, plan, output);
    }

    /// <summary>Makes each touched row's sum be divided by how often the row occurs: <c>scale_grad_by_freq</c>.</summary>
    public void DivideByFrequency(scoped ref Workspace workspace)
    {
        Divisors = workspace.Take<float>(Count);
        for (int g = 0; g < Count; g++) Divisors[g] = Starts[g + 1] - Starts[g];
    }

    /// <summary>
    /// Makes each touched row's sum be divided by how often the row occurs in <paramref name="batch"/>, which has other sources; a row
    /// that it lacks is left as it is.
    /// </summary>
    public void DivideByFrequencyOf(in RowGroups batch, scoped ref Workspace workspace)
    {
        Divisors = workspace.Take<float>(Count);
        int other = 0;
        for (int g = 0; g < Count; g++)
        {
            while (other < batch.Count && batch.Rows[other] < Rows[g]) other++;
            bool found = other < batch.Count && batch.Rows[other] == Rows[g];
            Divisors[g] = found ? batch.Starts[other + 1] - batch.Starts[other] : 1;
        }
    }

    private static int BitsFor(ulong count) => count <= 1 ? 0 : 64 - BitOperations.LeadingZeroCount(count - 1);
}
