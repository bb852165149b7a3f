using System.Numerics;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>The backward pass: bags become row groups, and the gradient sums those.</summary>
public sealed unsafe partial class EmbeddingBag
{
    /// <summary>Rows that a batch may touch: one for each index, or for each winner where those are fewer.</summary>
    internal int Positions(int length, int count) => Pooling == Pooling.Max ? (int)long.Min(length, (long)count * EmbeddingDim) : length;

    /// <summary>Workspace bytes of <see cref="Scatter"/>, without its destination's.</summary>
    internal nuint BackwardBytes(int length, int count)
    {
        nuint bytes = PrepareBytes(length, count) + RowGroups.Bytes(length);
        if (Pooling != Pooling.Max) return bytes + Workspace.SizeOf<int>(length) + (3 * Workspace.SizeOf<float>(length)) + Workspace.SizeOf<float>(EmbeddingDim);
        int elements = count * EmbeddingDim;
        return bytes + Workspace.SizeOf<long>(elements) + RowGroups.Bytes(elements);
    }

    /// <summary>Refuses winners that are no rows; -1 stands for none.</summary>
    internal void CheckWinners(long* winners, int count, nint stride)
    {
        long rows = Weight.OpenRead().Count;
        for (int bag = 0; bag < count; bag++)
        {
            for (int column = 0; column < EmbeddingDim; column++)
            {
                nint i = (bag * stride) + column;
                if ((ulong)(winners[i] + 1) > (ulong)rows) Throw.IndexOutOfRange(nameof(winners), (int)i, winners[i], rows);
            }
        }
    }

    /// <summary>
    /// Sends the gradient of checked bags to its destination, which has room for it. <paramref name="weightsGradient"/> is null, or as long as
    /// the list that the bags are part of.
    /// </summary>
    internal void Scatter<TIndex, TDestination>(
        BagPlan<TIndex> bags,
        bool anyUnknown,
        in RowView outputGradient,
        long* winners,
        nint winnersStride,
        float* weightsGradient,
        TDestination destination,
        scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
        where TDestination : struct, IGroupDestination
    {
        ref readonly RowView table = ref Weight.OpenRead();
        int first = bags.Offsets[0];
        int length = bags.Offsets[bags.Count] - first;
        Prepare(ref bags, anyUnknown, table, out int* positions, ref workspace);
        if (weightsGradient != null)
        {
            if (LimitsOutput) Limit(ref bags, table, ref workspace);
            float* dots = positions == null ? weightsGradient : workspace.Take<float>(length);
            Differentiate(bags, table, outputGradient, workspace.Take<float>(EmbeddingDim), dots);
            if (positions != null)
            {
                new Span<float>(weightsGradient + first, length).Clear();
                for (int i = 0; i < bags.Offsets[bags.Count]; i++) weightsGradient[positions[i]] = dots[i];
            }
        }

        RowGroups groups = Pooling == Pooling.Max
            ? GroupWinners(bags, table, winners, winnersStride, ref workspace)
            : GroupRows(bags, table, ref workspace);

        // Winners that are in no bag, which only a caller can make up, may be more than there is room for.
        if (groups.Count > Positions(length, bags.Count)) destination.Reserve(groups.Count);
        destination.Write(groups, outputGradient, ref workspace);
    }

    /// <summary>As the other form, for bags as they were given; the lengths and the table were checked.</summary>
    internal void ScatterBags<TIndex, TDestination>(Bags<TIndex> bags, float* outputGradient, long* winners, float* weightsGradient, TDestination destination)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
        where TDestination : struct, IGroupDestination
    {
        int length = bags.Indices.Length;
        int most = int.Max(length, Pooling == Pooling.Max ? bags.Count * EmbeddingDim : 0);
        Workspace workspace = Workspace.Rent(
            WideIndices.Bytes<TIndex>(length) + StartsBytes(bags.Count) + BackwardBytes(length, bags.Count) + destination.Bytes(most));
        try
        {
            if (WideIndices.IsWide<TIndex>()) ScatterWide(bags, outputGradient, winners, weightsGradient, destination, ref workspace);
            else if (WideIndices.BecomeInt<TIndex>()) ScatterWide(bags.Over(WideIndices.Widen<TIndex, int>(bags.Indices, ref workspace)), outputGradient, winners, weightsGradient, destination, ref workspace);
            else ScatterWide(bags.Over(WideIndices.Widen<TIndex, long>(bags.Indices, ref workspace)), outputGradient, winners, weightsGradient, destination, ref workspace);
        }
        finally
        {
            workspace.Dispose();
        }
    }

    private void ScatterWide<TIndex, TDestination>(
        Bags<TIndex> bags, float* outputGradient, long* winners, float* weightsGradient, TDestination destination, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
        where TDestination : struct, IGroupDestination
    {
        fixed (TIndex* indices = bags.Indices)
        fixed (float* weights = bags.Weights)
        {
            BagPlan<TIndex> plan = bags.Plan(indices, weights, ref workspace);
            bool anyUnknown = AnyUnknown(plan);
            if (Pooling == Pooling.Max) CheckWinners(winners, bags.Count, EmbeddingDim);
            destination.Reserve(Positions(bags.Indices.Length, bags.Count));
            RowView source = RowView.Dense(outputGradient, bags.Count, EmbeddingDim);
            Scatter(plan, anyUnknown, source, winners, EmbeddingDim, weightsGradient, destination, ref workspace);
        }
    }

    /// <summary>The gradients of the weights, for each index at its place in the plan.</summary>
    private void Differentiate<TIndex>(in BagPlan<TIndex> bags, in RowView table, in RowView outputGradient, float* row, float* dots)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        switch (Weight.Codec)
        {
            case RowCodec.Float16: Dot<TIndex>.RunBags<Float16>(table, bags, outputGradient, row, dots); break;
            case RowCodec.BFloat16: Dot<TIndex>.RunBags<BFloat16>(table, bags, outputGradient, row, dots); break;
            default: Dot<TIndex>.RunBags<Float32>(table, bags, outputGradient, row, dots); break;
        }

        if (Pooling == Pooling.Mean) BagFactors.DifferentiateMean(bags.Offsets, bags.Weights, bags.Divisors, bags.Count, dots);
        else if (Pooling == Pooling.SqrtN) BagFactors.DifferentiateRoot(bags.Offsets, bags.Weights, bags.Divisors, bags.Count, dots);
    }

    /// <summary>Each touched row's positions, as the bags they are in and the share of the bag's gradient they receive.</summary>
    private RowGroups GroupRows<TIndex>(scoped in BagPlan<TIndex> bags, in RowView table, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int first = bags.Offsets[0];
        int length = bags.Offsets[bags.Count] - first;
        RowGroups groups = RowGroups.Build(bags.Indices + first, length, table.Count, -1, ref workspace);
        if (_embedding.Options.ScaleGradByFrequency) groups.DivideByFrequency(ref workspace);

        int* bagOf = workspace.Take<int>(length);
        for (int bag = 0; bag < bags.Count; bag++)
        {
            new Span<int>(bagOf + (bags.Offsets[bag] - first), bags.Offsets[bag + 1] - bags.Offsets[bag]).Fill(bag);
        }

        if (bags.Weights != null || bags.Divisors != null)
        {
            float* shares = workspace.Take<float>(length);
            BagFactors.WriteShares(bags.Offsets, bags.Weights, bags.Divisors, bags.Count, shares - first);
            groups.Weights = workspace.Take<float>(length);
            for (int i = 0; i < length; i++) groups.Weights[i] = shares[groups.Sources[i]];
        }

        for (int i = 0; i < length; i++) groups.Sources[i] = bagOf[groups.Sources[i]];
        return groups;
    }

    /// <summary>Each winning row's elements of the output gradient.</summary>
    private RowGroups GroupWinners<TIndex>(scoped in BagPlan<TIndex> bags, in RowView table, long* winners, nint stride, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int dim = table.Dim;
        long* flat = winners;
        if (stride != dim)
        {
            flat = workspace.Take<long>((long)bags.Count * dim);
            for (int bag = 0; bag < bags.Count; bag++) new ReadOnlySpan<long>(winners + (bag * stride), dim).CopyTo(new Span<long>(flat + ((nint)bag * dim), dim));
        }

        RowGroups groups = RowGroups.Build(flat, bags.Count * dim, table.Count, _embedding.PaddingRow, ref workspace);
        groups.AreElements = true;
        if (_embedding.Options.ScaleGradByFrequency)
        {
            int first = bags.Offsets[0];
            RowGroups rows = RowGroups.Build(bags.Indices + first, bags.Offsets[bags.Count] - first, table.Count, -1, ref workspace);
            groups.DivideByFrequencyOf(rows, ref workspace);
        }

        return groups;
    }
}
