using System.Numerics;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>Backward and step in one: the sums of 64 rows at a time go into the step while they are in the first cache.</summary>
public abstract unsafe partial class Optimizer
{
    /// <summary>
    /// What <see cref="Embedding.Backward{TIndex}(ReadOnlySpan{TIndex}, ReadOnlySpan{float}, EmbeddingGradient, bool)"/> into the gradient that
    /// <see cref="Embedding.CreateGradient"/> makes, and then <see cref="Step(EmbeddingGradient)"/> with it, do: the same bits, without
    /// the gradient.
    /// </summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="embedding">An embedding whose table was added.</param>
    /// <param name="indices"><c>[n]</c>: what Forward was called with.</param>
    /// <param name="outputGradient"><c>[n, embeddingDim]</c>, row-major.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A length does not fit, the table was not added, or the gradient holds what is refused.</exception>
    /// <exception cref="InvalidOperationException">The embedding is frozen.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the batch; nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer or the table was disposed.</exception>
    public void Step<TIndex>(Embedding embedding, ReadOnlySpan<TIndex> indices, ReadOnlySpan<float> outputGradient)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ArgumentNullException.ThrowIfNull(embedding);
        Fused fused = NewFused(embedding);
        Check.Length(nameof(outputGradient), outputGradient.Length, (long)indices.Length * embedding.EmbeddingDim, "indices.Length * embeddingDim");
        fixed (float* source = outputGradient)
        {
            fused.CheckSource(source, indices.Length);
            embedding.Scatter(indices, source, fused);
        }

        GC.KeepAlive(embedding);
    }

    /// <summary>The same for bags.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bag">An embedding bag whose table was added.</param>
    /// <param name="bags">What Forward was called with.</param>
    /// <param name="outputGradient"><c>[bags.Count, embeddingDim]</c>, row-major.</param>
    /// <param name="winners">For max pooling, what Forward wrote.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index or winner is not a row.</exception>
    /// <exception cref="ArgumentException">The bags are not in order, a length does not fit, the table was not added, or the gradient holds what is refused.</exception>
    /// <exception cref="InvalidOperationException">The embedding bag is frozen.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the batch; nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer or the table was disposed.</exception>
    public void Step<TIndex>(EmbeddingBag bag, Bags<TIndex> bags, ReadOnlySpan<float> outputGradient, ReadOnlySpan<long> winners = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ArgumentNullException.ThrowIfNull(bag);
        Fused fused = NewFused(bag.Rows);
        bag.CheckBatch(bags, outputGradient, winners);
        fixed (float* source = outputGradient)
        fixed (long* won = winners)
        {
            fused.CheckSource(source, bags.Count);
            bag.ScatterBags(bags, source, won, null, fused);
        }

        GC.KeepAlive(bag);
    }

    private Fused NewFused(Embedding embedding)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        embedding.CheckTrainable();
        return new Fused(this, StateOf(embedding.Weight, nameof(embedding)), embedding.Options.Sparse);
    }

    /// <summary>A step as the destination of row groups.</summary>
    private readonly struct Fused(Optimizer optimizer, ParameterState state, bool sparse) : IGroupDestination
    {
        public void CheckSource(float* source, int rows)
        {
            if (state.Group.Options.NonFinite == NonFiniteGradients.Throw) CheckFinite("outputGradient", source, rows, state.Dim);
        }

        public void Reserve(int positions) => optimizer.Reserve(state, sparse, positions);

        public nuint Bytes(int positions) => WorkBytes(state, positions);

        public void Write(in RowGroups groups, in RowView source, scoped ref Workspace workspace)
        {
            StepWork work = new()
            {
                Table = state.Table!.OpenRead(),
                Codec = state.Table.Codec,
                State = state.View,
                Rows = groups.Rows,
                Count = groups.Count,
                HasGroups = true,
                Groups = groups,
                Source = source,
            };
            work.Take(DegreeOf(state), state.Group.Options.ClipValue, ref workspace);
            work.SumHeavyRows();
            if (optimizer.LimitsNorm) work.Scale = optimizer.ScaleFor(Squares(ref work, ref workspace));
            optimizer.Run(state, ref work, sparse, ref workspace);
        }
    }
}
