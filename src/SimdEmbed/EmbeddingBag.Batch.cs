using System.Numerics;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>How bags go to the kernels: index types, what drops, limits, factors.</summary>
public sealed unsafe partial class EmbeddingBag
{
    private bool MayDrop => _embedding.PaddingRow >= 0 || _embedding.Options.UnknownIndices != UnknownIndexPolicy.Throw;

    private bool LimitsTable => _embedding.Options is { MaxNorm: not null, RenormTarget: RenormTarget.Table };

    private bool LimitsOutput => _embedding.Options is { MaxNorm: not null, RenormTarget: RenormTarget.Output };

    /// <summary>Workspace bytes of <see cref="Pool"/> for <paramref name="count"/> bags of <paramref name="length"/> indices.</summary>
    internal nuint ForwardBytes(int length, int count) =>
        PrepareBytes(length, count) + (LimitsTable ? RowGroups.Bytes(length) : 0);

    /// <summary>Throws on an index that is no row, where the policy says so; otherwise returns whether there is one.</summary>
    internal bool AnyUnknown<TIndex>(in BagPlan<TIndex> bags)
        where TIndex : unmanaged, IBinaryInteger<TIndex> =>
        _embedding.AnyUnknown(bags.Indices, bags.Offsets[0], bags.Offsets[bags.Count], Weight.OpenRead().Count);

    /// <summary>Pools checked bags into rows <paramref name="outputStride"/> floats apart.</summary>
    internal void Pool<TIndex>(BagPlan<TIndex> bags, bool anyUnknown, float* output, nint outputStride, long* winners, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ref readonly RowView table = ref Weight.OpenRead();
        if (LimitsTable)
        {
            // Before anything drops: PyTorch limits the padding row too.
            int first = bags.Offsets[0];
            RowGroups touched = RowGroups.Build(bags.Indices + first, bags.Offsets[bags.Count] - first, table.Count, -1, ref workspace);
            RowNorm.LimitRows(Weight.OpenWrite(touched.Rows, touched.Count), touched.Rows, touched.Count, _embedding.Options.MaxNorm!.Value, _embedding.Options.NormType);
        }

        _embedding.CountUnknown(Prepare(ref bags, anyUnknown, table, out _, ref workspace));
        if (LimitsOutput) Limit(ref bags, table, ref workspace);
        bags.OutputStride = outputStride;
        bool weighted = bags.Weights != null;
        if (!weighted) bags.Weights = bags.Scales;
        PoolJob<TIndex> job = new()
        {
            Codec = Weight.Codec,
            Largest = Pooling == Pooling.Max,
            Weighted = weighted,
            Table = table,
            Bags = bags,
            Output = output,
            Winners = winners,
            Chunks = RowSplit.Chunks(_embedding.Options.Degree, bags.Offsets[bags.Count] - bags.Offsets[0], table.Dim),
        };
        WorkerSet.Run(ref job, job.Chunks, _embedding.Options.Degree);
    }

    private static nuint StartsBytes(int count) => Workspace.SizeOf<int>(count + 1L);

    private nuint PrepareBytes(int length, int count)
    {
        nuint bytes = Workspace.SizeOf<float>(count);
        if (LimitsOutput) bytes += Workspace.SizeOf<float>(length) + Workspace.SizeOf<float>(EmbeddingDim);
        if (MayDrop) bytes += Workspace.SizeOf<long>(length) + Workspace.SizeOf<float>(length) + Workspace.SizeOf<int>(length) + StartsBytes(count);
        return bytes;
    }

    /// <summary>
    /// Drops padding and unknown indices, where there are any, and gives the plan its divisors. The positions of what was
    /// kept are null where that is everything. Returns how many indices were unknown.
    /// </summary>
    private int Prepare<TIndex>(ref BagPlan<TIndex> bags, bool anyUnknown, in RowView table, out int* positions, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int unknown = 0;
        positions = null;
        int first = bags.Offsets[0];
        int length = bags.Offsets[bags.Count] - first;
        long padding = _embedding.PaddingRow;
        if (anyUnknown || (padding >= 0 && new ReadOnlySpan<TIndex>(bags.Indices + first, length).Contains(TIndex.CreateTruncating(padding))))
        {
            positions = workspace.Take<int>(length);
            BagPlan<TIndex> kept = new()
            {
                Indices = (TIndex*)workspace.Take<long>(length),
                Weights = bags.Weights == null ? null : workspace.Take<float>(length),
                Offsets = workspace.Take<int>(bags.Count + 1L),
                Count = bags.Count,
            };
            unknown = IndexCompaction.KeepInBags(bags, table.Count, padding, kept, positions);
            bags = kept;
        }

        if (Pooling is Pooling.Mean or Pooling.SqrtN)
        {
            bags.Divisors = workspace.Take<float>(bags.Count);
            if (Pooling == Pooling.Mean) BagFactors.WriteTotals(bags.Offsets, bags.Weights, bags.Count, bags.Divisors);
            else BagFactors.WriteRoots(bags.Offsets, bags.Weights, bags.Count, bags.Divisors);
        }

        return unknown;
    }

    /// <summary>Gives the plan the factors that limit its rows where the table must not change.</summary>
    private void Limit<TIndex>(ref BagPlan<TIndex> bags, in RowView table, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        // Offsets count from the start of the list, of which these bags may be a part.
        int first = bags.Offsets[0];
        int end = bags.Offsets[bags.Count];
        bags.Scales = workspace.Take<float>(end - first) - first;
        float* row = workspace.Take<float>(EmbeddingDim);
        for (int i = first; i < end; i++)
        {
            RowCodecs.Decode(Weight.Codec, table, long.CreateTruncating(bags.Indices[i]), row);
            bags.Scales[i] = RowNorm.Factor(row, EmbeddingDim, _embedding.Options.MaxNorm!.Value, _embedding.Options.NormType);
        }
    }

    private void PoolBags<TIndex>(Bags<TIndex> bags, float* output, long* winners)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int length = bags.Indices.Length;
        Workspace workspace = Workspace.Rent(WideIndices.Bytes<TIndex>(length) + StartsBytes(bags.Count) + ForwardBytes(length, bags.Count));
        try
        {
            if (WideIndices.IsWide<TIndex>()) PoolWide(bags, output, winners, ref workspace);
            else if (WideIndices.BecomeInt<TIndex>()) PoolWide(bags.Over(WideIndices.Widen<TIndex, int>(bags.Indices, ref workspace)), output, winners, ref workspace);
            else PoolWide(bags.Over(WideIndices.Widen<TIndex, long>(bags.Indices, ref workspace)), output, winners, ref workspace);
        }
        finally
        {
            workspace.Dispose();
        }
    }

    private void PoolWide<TIndex>(Bags<TIndex> bags, float* output, long* winners, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        fixed (TIndex* indices = bags.Indices)
        fixed (float* weights = bags.Weights)
        {
            BagPlan<TIndex> plan = bags.Plan(indices, weights, ref workspace);
            Pool(plan, AnyUnknown(plan), output, EmbeddingDim, winners, ref workspace);
        }
    }

    /// <summary>Pools some of the bags.</summary>
    private ref struct PoolJob<TIndex> : IJob
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        public RowCodec Codec;
        public bool Largest;
        public bool Weighted;
        public RowView Table;
        public BagPlan<TIndex> Bags;
        public float* Output;
        public long* Winners;
        public int Chunks;

        public readonly void Run(int chunk, int participant)
        {
            int first = RowSplit.FirstBag(Bags.Offsets, Bags.Count, chunk, Chunks);
            int end = RowSplit.FirstBag(Bags.Offsets, Bags.Count, chunk + 1, Chunks);
            BagPlan<TIndex> bags = Bags;
            bags.Offsets += first;
            bags.Count = end - first;
            bags.Following += Bags.Offsets[Bags.Count] - Bags.Offsets[end];
            if (bags.Divisors != null) bags.Divisors += first;
            float* output = Output + (first * bags.OutputStride);
            long* winners = Winners == null ? null : Winners + (first * bags.OutputStride);
            switch (Codec)
            {
                case RowCodec.Float32: Pool<Float32>(bags, output, winners); break;
                case RowCodec.Float16: Pool<Float16>(bags, output, winners); break;
                case RowCodec.BFloat16: Pool<BFloat16>(bags, output, winners); break;
                case RowCodec.Int8: Pool<Int8>(bags, output, winners); break;
                case RowCodec.Int4: Pool<Int4>(bags, output, winners); break;
                default: Pool<Int2>(bags, output, winners); break;
            }
        }

        private readonly void Pool<TCodec>(in BagPlan<TIndex> bags, float* output, long* winners)
            where TCodec : struct, IRowCodec
        {
            if (Largest) Most<TCodec>(bags, output, winners);
            else Sum<TCodec>(bags, output);
        }

        private readonly void Sum<TCodec>(in BagPlan<TIndex> bags, float* output)
            where TCodec : struct, IRowCodec
        {
            if (bags.Weights == null) Pool<TIndex, Sum<TCodec, Unweighted>>.Run(Table, bags, output);
            else if (Weighted && bags.Scales != null) Pool<TIndex, Sum<TCodec, LimitedWeighted>>.Run(Table, bags, output);
            else Pool<TIndex, Sum<TCodec, Weighted>>.Run(Table, bags, output);
        }

        private readonly void Most<TCodec>(in BagPlan<TIndex> bags, float* output, long* winners)
            where TCodec : struct, IRowCodec
        {
            if (winners != null && bags.Weights != null) MaxPool<TIndex, Largest<TCodec, Weighted>>.Run(Table, bags, output, winners);
            else if (winners != null) MaxPool<TIndex, Largest<TCodec, Unweighted>>.Run(Table, bags, output, winners);
            else if (bags.Weights != null) Pool<TIndex, Largest<TCodec, Weighted>>.Run(Table, bags, output);
            else Pool<TIndex, Largest<TCodec, Unweighted>>.Run(Table, bags, output);
        }
    }
}
