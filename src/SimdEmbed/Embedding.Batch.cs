using System.Numerics;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>How a batch goes to the kernels: index types, unknown indices, renormalisation.</summary>
public sealed unsafe partial class Embedding
{
    /// <summary>
    /// Looks up with every option; the lengths and overlaps were checked. A backward pass reads what a forward pass has read:
    /// the table is not limited again, and unknown indices are not counted again.
    /// </summary>
    internal void LookUp<TIndex>(ReadOnlySpan<TIndex> indices, float* output, bool inBackward = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        if (WideIndices.IsWide<TIndex>())
        {
            fixed (TIndex* first = indices) LookUpWide(first, indices.Length, output, inBackward);
            return;
        }

        Workspace workspace = WideIndices.Rent(indices.Length);
        try
        {
            if (WideIndices.BecomeInt<TIndex>()) LookUp(WideIndices.Widen<TIndex, int>(indices, ref workspace), output, inBackward);
            else LookUp(WideIndices.Widen<TIndex, long>(indices, ref workspace), output, inBackward);
        }
        finally
        {
            workspace.Dispose();
        }
    }

    /// <summary>Sends the gradient of a batch to its destination; the lengths and the table were checked.</summary>
    internal void Scatter<TIndex, TDestination>(ReadOnlySpan<TIndex> indices, float* outputGradient, TDestination destination)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
        where TDestination : struct, IGroupDestination
    {
        if (WideIndices.IsWide<TIndex>())
        {
            fixed (TIndex* first = indices) ScatterWide(first, indices.Length, outputGradient, destination);
            return;
        }

        Workspace workspace = WideIndices.Rent(indices.Length);
        try
        {
            if (WideIndices.BecomeInt<TIndex>()) Scatter(WideIndices.Widen<TIndex, int>(indices, ref workspace), outputGradient, destination);
            else Scatter(WideIndices.Widen<TIndex, long>(indices, ref workspace), outputGradient, destination);
        }
        finally
        {
            workspace.Dispose();
        }
    }

    private void LookUpWide<TIndex>(TIndex* indices, int length, float* output, bool inBackward)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        RowView table = Weight.OpenRead();
        bool anyUnknown = AnyUnknown(indices, 0, length, table.Count);
        float? maxNorm = _options.MaxNorm;
        bool limits = !inBackward && _options.RenormTarget == RenormTarget.Table && maxNorm is not null;
        nuint bytes = (anyUnknown ? Workspace.SizeOf<TIndex>(length) + Workspace.SizeOf<long>(length) : 0) + (limits ? RowGroups.Bytes(length) : 0);
        Workspace workspace = Workspace.Rent(bytes);
        try
        {
            BagPlan<TIndex> plan = new() { Indices = indices, Count = length, OutputStride = table.Dim };
            int unknown = anyUnknown ? Resolve(ref plan, table.Count, ref workspace) : 0;
            if (limits)
            {
                RowGroups touched = RowGroups.Build(plan.Indices, plan.Count, table.Count, -1, ref workspace);
                RowNorm.LimitRows(Weight.OpenWrite(touched.Rows, touched.Count), touched.Rows, touched.Count, maxNorm!.Value, _options.NormType);
            }

            GatherRows(table, plan, output);
            if (maxNorm is not null && _options.RenormTarget == RenormTarget.Output)
            {
                RowView rows = RowView.Dense(output, length, table.Dim);
                if (plan.Targets == null) RowNorm.LimitAll(rows, maxNorm.Value, _options.NormType);
                else RowNorm.LimitRows(rows, plan.Targets, plan.Count, maxNorm.Value, _options.NormType);
            }

            if (plan.Targets != null) IndexCompaction.ClearUnknown(indices, length, table.Count, output, table.Dim);
            if (!inBackward) CountUnknown(unknown);
        }
        finally
        {
            workspace.Dispose();
        }
    }

    private void GatherRows<TIndex>(in RowView table, in BagPlan<TIndex> plan, float* output)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        GatherJob<TIndex> job = new()
        {
            Codec = Weight.Codec,
            Table = table,
            Plan = plan,
            Output = output,
            Chunks = RowSplit.Chunks(_options.Degree, plan.Count, table.Dim),
        };
        WorkerSet.Run(ref job, job.Chunks, _options.Degree);
    }

    private void ScatterWide<TIndex, TDestination>(TIndex* indices, int length, float* outputGradient, TDestination destination)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
        where TDestination : struct, IGroupDestination
    {
        RowView table = Weight.OpenRead();
        AnyUnknown(indices, 0, length, table.Count);
        destination.Reserve(length);
        Workspace workspace = Workspace.Rent(RowGroups.Bytes(length) + destination.Bytes(length));
        try
        {
            RowGroups groups = RowGroups.Build(indices, length, table.Count, _paddingRow, ref workspace);
            if (_options.ScaleGradByFrequency) groups.DivideByFrequency(ref workspace);
            destination.Write(groups, RowView.Dense(outputGradient, length, table.Dim), ref workspace);
        }
        finally
        {
            workspace.Dispose();
        }
    }

    /// <summary>Throws on an index that is no row, where the policy says so; reads only.</summary>
    internal void CheckIndices<TIndex>(ReadOnlySpan<TIndex> indices, string argument)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        if (_options.UnknownIndices != UnknownIndexPolicy.Throw) return;
        ref readonly RowView table = ref Weight.OpenRead();
        if (WideIndices.IsWide<TIndex>())
        {
            fixed (TIndex* first = indices) Check.Indices(first, indices.Length, table.Count, argument);
            return;
        }

        Workspace workspace = WideIndices.Rent(indices.Length);
        try
        {
            if (WideIndices.BecomeInt<TIndex>()) CheckIndices(WideIndices.Widen<TIndex, int>(indices, ref workspace), argument);
            else CheckIndices(WideIndices.Widen<TIndex, long>(indices, ref workspace), argument);
        }
        finally
        {
            workspace.Dispose();
        }
    }

    internal void CountUnknown(int unknown)
    {
        // An interlocked write moves a cache line between cores: nobody pays for it who has no unknown indices.
        if (unknown > 0) Interlocked.Add(ref _unknownCount, unknown);
    }

    /// <summary>Throws on an index that is no row where the policy says so; otherwise returns whether there is one.</summary>
    internal bool AnyUnknown<TIndex>(TIndex* indices, int first, int end, long rows)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int position = IndexRange.FirstOutside(indices + first, end - first, rows);
        if (position < 0) return false;
        position += first;
        if (_options.UnknownIndices == UnknownIndexPolicy.Throw) Throw.IndexOutOfRange(nameof(indices), position, long.CreateTruncating(indices[position]), rows);
        return true;
    }

    /// <summary>Gives the plan an index list without unknown ones, and returns how many those were.</summary>
    private int Resolve<TIndex>(ref BagPlan<TIndex> plan, long rows, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int length = plan.Count;
        TIndex* resolved = workspace.Take<TIndex>(length);
        int unknown;
        if (_options.UnknownIndices == UnknownIndexPolicy.PaddingRow)
        {
            unknown = IndexCompaction.Replace(plan.Indices, length, rows, _paddingRow, resolved);
        }
        else
        {
            plan.Targets = workspace.Take<long>(length);
            plan.Count = IndexCompaction.Keep(plan.Indices, length, rows, resolved, plan.Targets);
            unknown = length - plan.Count;
        }

        plan.Indices = resolved;
        return unknown;
    }

    /// <summary>Looks up the rows of some positions.</summary>
    private ref struct GatherJob<TIndex> : IJob
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        public RowCodec Codec;
        public RowView Table;
        public BagPlan<TIndex> Plan;
        public float* Output;
        public int Chunks;

        public readonly void Run(int chunk, int participant)
        {
            int first = RowSplit.First(Plan.Count, chunk, Chunks);
            int count = RowSplit.First(Plan.Count, chunk + 1, Chunks) - first;
            TIndex* indices = Plan.Indices + first;
            long* targets = Plan.Targets == null ? null : Plan.Targets + first;
            float* output = targets == null ? Output + ((nint)first * Table.Dim) : Output;
            switch (Codec)
            {
                case RowCodec.Float32: Gather<TIndex, Float32>.RunAhead(Table, indices, count, targets, output); break;
                case RowCodec.Float16: Gather<TIndex, Float16>.RunAhead(Table, indices, count, targets, output); break;
                case RowCodec.BFloat16: Gather<TIndex, BFloat16>.RunAhead(Table, indices, count, targets, output); break;
                case RowCodec.Int8: Gather<TIndex, Int8>.RunAhead(Table, indices, count, targets, output); break;
                case RowCodec.Int4: Gather<TIndex, Int4>.RunAhead(Table, indices, count, targets, output); break;
                default: Gather<TIndex, Int2>.RunAhead(Table, indices, count, targets, output); break;
            }
        }
    }
}
