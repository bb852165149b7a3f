using System.Numerics;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>How a batch of many features goes to them: all are checked, and have their memory, before the first writes.</summary>
public sealed unsafe partial class EmbeddingBagCollection
{
    private void Run<TIndex>(Bags<TIndex> bags, ref Pass pass)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Workspace workspace = Workspace.Rent(
            WideIndices.Bytes<TIndex>(bags.Indices.Length) + Workspace.SizeOf<int>(bags.Count + 1L) + Workspace.SizeOf<bool>(_features.Length));
        try
        {
            if (WideIndices.IsWide<TIndex>()) RunWide(bags, ref pass, ref workspace);
            else if (WideIndices.BecomeInt<TIndex>()) RunWide(bags.Over(WideIndices.Widen<TIndex, int>(bags.Indices, ref workspace)), ref pass, ref workspace);
            else RunWide(bags.Over(WideIndices.Widen<TIndex, long>(bags.Indices, ref workspace)), ref pass, ref workspace);
        }
        finally
        {
            workspace.Dispose();
        }
    }

    private void RunWide<TIndex>(Bags<TIndex> bags, ref Pass pass, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        fixed (TIndex* indices = bags.Indices)
        fixed (float* weights = bags.Weights)
        {
            BagPlan<TIndex> all = bags.Plan(indices, weights, ref workspace);
            bool* anyUnknown = workspace.Take<bool>(_features.Length);
            nuint most = 0;
            pass.MostTouched = bags.Indices.Length;
            foreach (EmbeddingBag feature in _features)
            {
                if (feature.Pooling == Pooling.Max) pass.MostTouched = checked(pass.MostTouched + (pass.Batch * feature.EmbeddingDim));
            }

            for (int f = 0; f < _features.Length; f++)
            {
                BagPlan<TIndex> plan = PlanOf(f, all, pass.Batch);
                int length = plan.Offsets[plan.Count] - plan.Offsets[0];
                anyUnknown[f] = _features[f].AnyUnknown(plan);
                if (pass.IsBackward && _features[f].Pooling == Pooling.Max) _features[f].CheckWinners(pass.Winners + _columns[f], pass.Batch, OutputDim);
                most = nuint.Max(most, pass.IsBackward ? BackwardBytes(f, length, pass) : _features[f].ForwardBytes(length, pass.Batch));
            }

            Workspace scratch = Workspace.Rent(most);
            try
            {
                if (pass.IsBackward) Reserve(all, pass);
                for (int f = 0; f < _features.Length; f++)
                {
                    // A copy of the workspace: each feature takes from its start.
                    Workspace own = scratch;
                    BagPlan<TIndex> plan = PlanOf(f, all, pass.Batch);
                    if (pass.IsBackward) Scatter(f, plan, anyUnknown[f], pass, ref own);
                    else _features[f].Pool(plan, anyUnknown[f], pass.Output + _columns[f], OutputDim, pass.Winners == null ? null : pass.Winners + _columns[f], ref own);
                }
            }
            finally
            {
                scratch.Dispose();
            }
        }
    }

    private static BagPlan<TIndex> PlanOf<TIndex>(int feature, scoped in BagPlan<TIndex> all, int batch)
        where TIndex : unmanaged, IBinaryInteger<TIndex> =>
        new() { Indices = all.Indices, Weights = all.Weights, Offsets = all.Offsets + (feature * batch), Count = batch };

    /// <summary>Makes room in each destination for all features that write to it.</summary>
    private void Reserve<TIndex>(scoped in BagPlan<TIndex> all, scoped in Pass pass)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        for (int f = 0; f < _features.Length; f++)
        {
            if (!IsFirstOf(f, pass)) continue;
            int positions = 0;
            for (int other = f; other < _features.Length; other++)
            {
                if (pass.Destinations[other] != pass.Destinations[f]) continue;
                int* starts = all.Offsets + (other * pass.Batch);
                positions = checked(positions + _features[other].Positions(starts[pass.Batch] - starts[0], pass.Batch));
            }

            pass.Destinations[f].Reserve(positions, pass.Accumulate);
        }
    }

    private void Scatter<TIndex>(int feature, in BagPlan<TIndex> plan, bool anyUnknown, scoped in Pass pass, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        RowView columns = new((byte*)(pass.Output + _columns[feature]), (nint)OutputDim * sizeof(float), pass.Batch, _features[feature].EmbeddingDim);
        bool accumulate = pass.Accumulate || !IsFirstOf(feature, pass);
        long* winners = pass.Winners == null ? null : pass.Winners + _columns[feature];
        _features[feature].Scatter(
            plan, anyUnknown, columns, winners, OutputDim, pass.WeightsGradient, new GradientDestination(pass.Destinations[feature], accumulate), ref workspace);
    }

    private nuint BackwardBytes(int feature, int length, scoped in Pass pass)
    {
        EmbeddingBag bag = _features[feature];
        int positions = int.Max(length, bag.Pooling == Pooling.Max ? pass.Batch * bag.EmbeddingDim : 0);
        return bag.BackwardBytes(length, pass.Batch) + new GradientDestination(pass.Destinations[feature], accumulate: true, pass.MostTouched).Bytes(positions);
    }

    private static bool IsFirstOf(int feature, scoped in Pass pass)
    {
        for (int other = 0; other < feature; other++)
        {
            if (pass.Destinations[other] == pass.Destinations[feature]) return false;
        }

        return true;
    }

    /// <summary>One call: forward into <see cref="Output"/>, or backward from it into <see cref="Destinations"/>.</summary>
    private ref struct Pass
    {
        public int Batch;
        public float* Output;
        public long* Winners;
        public ReadOnlySpan<EmbeddingGradient> Destinations;
        public float* WeightsGradient;
        public bool Accumulate;

        /// <summary>More rows than one destination can hold when the last feature writes to it.</summary>
        public int MostTouched;

        public readonly bool IsBackward => !Destinations.IsEmpty;
    }
}
