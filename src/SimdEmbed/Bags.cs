using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>How bags were given.</summary>
internal enum BagForm
{
    FixedLength = 0,
    Starts = 1,
    StartsAndEnd = 2,
    Lengths = 3,
}

/// <summary>
/// A batch of bags: runs of indices that are pooled to one row each, in any of the usual forms, with or without a weight per
/// index. It only refers to the spans it is made of; <see cref="EmbeddingBag"/> checks all of it before anything is written.
/// <c>default</c> is a batch of no bags.
/// </summary>
/// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
public readonly unsafe ref struct Bags<TIndex>
    where TIndex : unmanaged, IBinaryInteger<TIndex>
{
    private readonly BagForm _form;
    private readonly ReadOnlySpan<int> _offsets;
    private readonly ReadOnlySpan<long> _longOffsets;

    private Bags(BagForm form, ReadOnlySpan<TIndex> indices, ReadOnlySpan<int> offsets, ReadOnlySpan<long> longOffsets, int count, ReadOnlySpan<float> weights)
    {
        _form = form;
        Indices = indices;
        _offsets = offsets;
        _longOffsets = longOffsets;
        Count = count;
        Weights = weights;
    }

    /// <summary>How many bags.</summary>
    public int Count { get; }

    /// <summary>Whether there are weights, also when there is no index.</summary>
    internal bool HasWeights { get; private init; }

    internal ReadOnlySpan<TIndex> Indices { get; }

    internal ReadOnlySpan<float> Weights { get; }

    /// <summary>Bag <c>b</c> is <c>indices[offsets[b]]</c> to <c>indices[offsets[b + 1] - 1]</c>: PyTorch's <c>offsets</c>.</summary>
    /// <param name="indices"><c>[n]</c>: all bags, one after the other.</param>
    /// <param name="offsets">Where each bag starts: the first is 0, and none is below the one before.</param>
    /// <param name="includesLast"><c>include_last_offset</c>: there is one more offset, which is <c>n</c>.</param>
    /// <returns>The bags.</returns>
    public static Bags<TIndex> FromOffsets(ReadOnlySpan<TIndex> indices, ReadOnlySpan<int> offsets, bool includesLast = false) =>
        new(includesLast ? BagForm.StartsAndEnd : BagForm.Starts, indices, offsets, default, CountOf(offsets.Length, includesLast), default);

    /// <summary>Bag <c>b</c> is <c>indices[offsets[b]]</c> to <c>indices[offsets[b + 1] - 1]</c>: PyTorch's <c>offsets</c>.</summary>
    /// <param name="indices"><c>[n]</c>: all bags, one after the other.</param>
    /// <param name="offsets">Where each bag starts: the first is 0, and none is below the one before.</param>
    /// <param name="includesLast"><c>include_last_offset</c>: there is one more offset, which is <c>n</c>.</param>
    /// <returns>The bags.</returns>
    public static Bags<TIndex> FromOffsets(ReadOnlySpan<TIndex> indices, ReadOnlySpan<long> offsets, bool includesLast = false) =>
        new(includesLast ? BagForm.StartsAndEnd : BagForm.Starts, indices, default, offsets, CountOf(offsets.Length, includesLast), default);

    /// <summary>Bag <c>b</c> is the next <c>lengths[b]</c> indices.</summary>
    /// <param name="indices"><c>[n]</c>: all bags, one after the other.</param>
    /// <param name="lengths">0 or more each; together <c>n</c>.</param>
    /// <returns>The bags.</returns>
    public static Bags<TIndex> FromLengths(ReadOnlySpan<TIndex> indices, ReadOnlySpan<int> lengths) =>
        new(BagForm.Lengths, indices, lengths, default, lengths.Length, default);

    /// <summary>Bag <c>b</c> is row <c>b</c> of a matrix of indices: PyTorch's 2-D <c>input</c>.</summary>
    /// <param name="indices"><c>[count, length]</c>, row-major.</param>
    /// <param name="length">1 or more.</param>
    /// <returns>The bags.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is below 1.</exception>
    /// <exception cref="ArgumentException">The number of indices is no multiple of <paramref name="length"/>.</exception>
    public static Bags<TIndex> FixedLength(ReadOnlySpan<TIndex> indices, int length)
    {
        if (length < 1) Throw.OutOfRange(nameof(length), length, "1 or more");
        if (indices.Length % length != 0) Throw.Argument(nameof(indices), $"there are {indices.Length} indices, which is no multiple of length = {length}.");
        return new Bags<TIndex>(BagForm.FixedLength, indices, default, default, indices.Length / length, default);
    }

    /// <summary>Bag <c>b</c> is row <c>b</c> of a matrix of indices: PyTorch's 2-D <c>input</c>.</summary>
    /// <param name="indices"><c>[count, length]</c>; dense, with a length of 1 or more.</param>
    /// <returns>The bags.</returns>
    /// <exception cref="ArgumentException">The tensor is strided or no matrix, or its rows are empty.</exception>
    public static Bags<TIndex> FixedLength(in ReadOnlyTensorSpan<TIndex> indices)
    {
        if (indices.Rank != 2) Throw.Argument(nameof(indices), $"indices has {indices.Rank} axes; bags of a fixed length are a matrix.");
        return FixedLength(Check.Dense(indices, nameof(indices)), (int)indices.Lengths[1]);
    }

    /// <summary>Bag <c>b</c> is row <c>b</c> of a plane of indices: PyTorch's 2-D <c>input</c>.</summary>
    /// <param name="indices"><c>[count, length]</c>, without gaps between its rows, with a length of 1 or more.</param>
    /// <returns>The bags.</returns>
    /// <exception cref="ArgumentException">There are gaps, or rows are empty.</exception>
    public static Bags<TIndex> FixedLength(ReadOnlySpan2D<TIndex> indices) => FixedLength(Check.Dense(indices, nameof(indices)), indices.Width);

    /// <summary>The same bags with a factor for each index: PyTorch's <c>per_sample_weights</c>.</summary>
    /// <param name="perSampleWeights"><c>[n]</c>.</param>
    /// <returns>The bags.</returns>
    /// <exception cref="ArgumentException">There is not one weight for each index.</exception>
    public Bags<TIndex> WithWeights(ReadOnlySpan<float> perSampleWeights)
    {
        Check.Length(nameof(perSampleWeights), perSampleWeights.Length, Indices.Length, "one per index");
        return new Bags<TIndex>(_form, Indices, _offsets, _longOffsets, Count, perSampleWeights) { HasWeights = true };
    }

    /// <summary>The same bags over widened indices.</summary>
    internal Bags<TWide> Over<TWide>(ReadOnlySpan<TWide> indices)
        where TWide : unmanaged, IBinaryInteger<TWide> => new(_form, indices, _offsets, _longOffsets, Count, Weights) { HasWeights = HasWeights };

    /// <summary>Refuses output memory that the bags are made of.</summary>
    internal void CheckOverlap<T>(ReadOnlySpan<T> written, string name)
        where T : unmanaged
    {
        Check.NoOverlap(Indices, "indices", written, name);
        Check.NoOverlap(_offsets, "offsets", written, name);
        Check.NoOverlap(_longOffsets, "offsets", written, name);
        Check.NoOverlap(Weights, "perSampleWeights", written, name);
    }

    /// <summary>Refuses a destination for the gradient of the weights that does not fit.</summary>
    internal void CheckWeightsGradient(ReadOnlySpan<float> weightsGradient, ReadOnlySpan<float> outputGradient)
    {
        if (!HasWeights) Throw.Argument(nameof(weightsGradient), "the bags have no weights to give a gradient to: see Bags.WithWeights.");
        Check.Length(nameof(weightsGradient), weightsGradient.Length, Indices.Length, "one per index");
        CheckOverlap(weightsGradient, nameof(weightsGradient));
        Check.NoOverlap(weightsGradient, nameof(weightsGradient), outputGradient, nameof(outputGradient));
    }

    /// <summary>The bags as kernels take them, or throws what is wrong with them. The caller pins the spans.</summary>
    internal BagPlan<TIndex> Plan(TIndex* indices, float* weights, scoped ref Workspace workspace)
    {
        int* starts = workspace.Take<int>(Count + 1L);
        WriteStarts(starts);
        return new BagPlan<TIndex> { Indices = indices, Weights = HasWeights ? weights : null, Offsets = starts, Count = Count };
    }

    /// <summary>Writes <c>Count + 1</c> positions, from 0 to <c>n</c>, or throws what is wrong with the bags.</summary>
    private void WriteStarts(int* starts)
    {
        int n = Indices.Length;
        if (_form == BagForm.FixedLength)
        {
            int length = Count == 0 ? 0 : n / Count;
            for (int bag = 0; bag < Count; bag++) starts[bag] = bag * length;
            starts[Count] = n;
            return;
        }

        if (_form == BagForm.StartsAndEnd && _offsets.Length + _longOffsets.Length == 0)
        {
            Throw.Argument("offsets", "offsets is empty; with includesLast it has at least one element.");
        }

        long position = 0;
        for (int bag = 0; bag < Count; bag++)
        {
            long value = Value(bag);
            if (_form == BagForm.Lengths)
            {
                if (value < 0 || value > n - position) Throw.Argument("lengths", LengthText(bag, value));
                starts[bag] = (int)position;
                position += value;
                continue;
            }

            if ((bag == 0 && value != 0) || value < position || value > n) Throw.Argument("offsets", OffsetText(bag, value, position));
            starts[bag] = (int)(position = value);
        }

        long end = _form == BagForm.StartsAndEnd ? Value(Count) : _form == BagForm.Lengths ? position : n;
        if (end != n || (Count == 0 && n > 0)) Throw.Argument(_form == BagForm.Lengths ? "lengths" : "offsets", EndText(end));
        starts[Count] = n;
    }

    // Messages are made apart from the loop, whose call they would burden with their strings' handlers.
    private string LengthText(int bag, long value) =>
        value < 0 ? $"lengths[{bag}] = {value}; a bag has 0 or more indices." : $"lengths[{bag}] = {value}; bag {bag} ends beyond the {Indices.Length} indices.";

    private string OffsetText(int bag, long value, long position) =>
        bag == 0 && value != 0 ? $"offsets[0] = {value}; bag 0 has to start at 0."
        : value < position ? $"offsets[{bag}] = {value}; bag {bag} starts before bag {bag - 1}, which starts at {position}."
        : $"offsets[{bag}] = {value}; bag {bag} starts beyond the {Indices.Length} indices.";

    private string EndText(long end) =>
        _form == BagForm.Lengths ? $"lengths sum up to {end}; there are {Indices.Length} indices."
        : end == Indices.Length ? $"there are {end} indices and no bag."
        : $"offsets[{Count}] = {end}; the last offset has to be {Indices.Length}, the number of indices.";

    private static int CountOf(int offsets, bool includesLast) => includesLast ? int.Max(0, offsets - 1) : offsets;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private long Value(int i) => _longOffsets.IsEmpty ? _offsets[i] : _longOffsets[i];
}
