using System.Numerics;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>
/// Several categorical features pooled into one row each call: <c>torch.cat([bag_f(feature f) ...], dim=1)</c> in PyTorch, with no
/// intermediate tensors. Feature <c>f</c> fills the columns from <see cref="ColumnOf"/> on.
/// </summary>
/// <remarks>
/// All features of a batch come in one list, feature by feature: bag <c>f * batch + i</c> is feature <c>f</c> of example <c>i</c>.
/// Features may share a table. They are pooled in order; everything is checked before the first of them.
/// </remarks>
public sealed unsafe partial class EmbeddingBagCollection : IDisposable
{
    private readonly EmbeddingBag[] _features;
    private readonly int[] _columns;
    private readonly bool _leaveOpen;

    /// <summary>Joins features, which it disposes unless <paramref name="leaveOpen"/>.</summary>
    /// <param name="features">One embedding bag for each feature, at least one; the same one may serve several features.</param>
    /// <param name="leaveOpen">True to leave the embedding bags to the caller.</param>
    /// <exception cref="ArgumentException">There is no feature, or the rows together have more than 2^31 - 1 columns.</exception>
    public EmbeddingBagCollection(IEnumerable<EmbeddingBag> features, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(features);
        _features = [.. features];
        _leaveOpen = leaveOpen;
        if (_features.Length == 0) Throw.Argument(nameof(features), "there is no feature.");
        _columns = new int[_features.Length];
        long column = 0;
        for (int f = 0; f < _features.Length; f++)
        {
            ArgumentNullException.ThrowIfNull(_features[f], nameof(features));
            _columns[f] = (int)column;
            column += _features[f].EmbeddingDim;
            if (column > int.MaxValue) Throw.Argument(nameof(features), "the features have more than 2147483647 columns together.");
        }

        OutputDim = (int)column;
    }

    /// <summary>The embedding bag of each feature.</summary>
    public IReadOnlyList<EmbeddingBag> Features => _features;

    /// <summary>Columns of an output row: the sum of the features' <c>embeddingDim</c>.</summary>
    public int OutputDim { get; }

    /// <summary>The first column of a feature.</summary>
    /// <param name="feature">0 to <c>Features.Count - 1</c>.</param>
    /// <returns>The column.</returns>
    public int ColumnOf(int feature) => _columns[feature];

    /// <summary>
    /// Pools all features: <c>output[i, ColumnOf(f) + j]</c> is column <c>j</c> of feature <c>f</c>'s pooling of bag
    /// <c>f * batch + i</c>.
    /// </summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bags"><c>Features.Count * batch</c> bags, feature by feature, with weights or without.</param>
    /// <param name="output"><c>[batch, OutputDim]</c>, row-major; shares no memory with the inputs.</param>
    /// <param name="winners"><c>[batch, OutputDim]</c> or empty: the winning rows of the features with max pooling; other columns are left as they are.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row of its feature's table.</exception>
    /// <exception cref="ArgumentException">The bags are not in order or no multiple of the features, a length does not fit, or spans overlap.</exception>
    /// <exception cref="ObjectDisposedException">A table was disposed.</exception>
    public void Forward<TIndex>(Bags<TIndex> bags, Span<float> output, Span<long> winners = default)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int batch = CheckBatch(bags);
        Check.Length(nameof(output), output.Length, (long)batch * OutputDim, "batch * OutputDim");
        if (!winners.IsEmpty) Check.Length(nameof(winners), winners.Length, (long)batch * OutputDim, "batch * OutputDim");
        bags.CheckOverlap((ReadOnlySpan<float>)output, nameof(output));
        bags.CheckOverlap((ReadOnlySpan<long>)winners, nameof(winners));
        Check.NoOverlap((ReadOnlySpan<float>)output, nameof(output), (ReadOnlySpan<long>)winners, nameof(winners));
        foreach (EmbeddingBag feature in _features)
        {
            Check.NoOverlap((ReadOnlySpan<float>)output, nameof(output), feature.Weight.OpenRead());
            Check.NoOverlap((ReadOnlySpan<long>)winners, nameof(winners), feature.Weight.OpenRead());
        }

        fixed (float* destination = output)
        fixed (long* won = winners)
        {
            Pass pass = new() { Batch = batch, Output = destination, Winners = winners.IsEmpty ? null : won };
            Run(bags, ref pass);
        }

        GC.KeepAlive(this);
    }

    /// <summary>The gradients of all tables: what each feature's <see cref="EmbeddingBag"/> has for its columns.</summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="bags">What Forward was called with.</param>
    /// <param name="outputGradient"><c>[batch, OutputDim]</c>, row-major.</param>
    /// <param name="destinations">A gradient for each feature; features that share a table may share it, and then it receives their sum.</param>
    /// <param name="winners">What Forward wrote, where a feature has max pooling.</param>
    /// <param name="weightsGradient"><c>[n]</c> to receive the gradient of the weights, or empty.</param>
    /// <param name="accumulate">False to overwrite the gradients; true to add to them.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index or winner is not a row of its feature's table.</exception>
    /// <exception cref="ArgumentException">The bags are not in order, a length does not fit, spans overlap, or a gradient is another table's.</exception>
    /// <exception cref="InvalidOperationException">A feature is frozen.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the gradients; they are unchanged.</exception>
    /// <exception cref="ObjectDisposedException">A table or gradient was disposed.</exception>
    public void Backward<TIndex>(
        Bags<TIndex> bags,
        ReadOnlySpan<float> outputGradient,
        ReadOnlySpan<EmbeddingGradient> destinations,
        ReadOnlySpan<long> winners = default,
        Span<float> weightsGradient = default,
        bool accumulate = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int batch = CheckBatch(bags);
        Check.Length(nameof(destinations), destinations.Length, _features.Length, "one per feature");
        Check.Length(nameof(outputGradient), outputGradient.Length, (long)batch * OutputDim, "batch * OutputDim");
        bool anyMax = false;
        for (int f = 0; f < _features.Length; f++)
        {
            _features[f].CheckBackward(destinations[f]);
            anyMax |= _features[f].Pooling == Pooling.Max;
            Check.NoOverlap((ReadOnlySpan<float>)weightsGradient, nameof(weightsGradient), _features[f].Weight.OpenRead());
        }

        if (anyMax || !winners.IsEmpty) Check.Length(nameof(winners), winners.Length, (long)batch * OutputDim, "batch * OutputDim");
        if (!weightsGradient.IsEmpty) bags.CheckWeightsGradient(weightsGradient, outputGradient);
        fixed (float* source = outputGradient)
        fixed (long* won = winners)
        fixed (float* weights = weightsGradient)
        {
            Pass pass = new()
            {
                Batch = batch,
                Output = source,
                Winners = won,
                Destinations = destinations,
                WeightsGradient = weightsGradient.IsEmpty ? null : weights,
                Accumulate = accumulate,
            };
            Run(bags, ref pass);
        }

        GC.KeepAlive(this);
    }

    /// <summary>Creates a gradient for each feature, as its options say; features over the same table share one.</summary>
    /// <returns>As many gradients as features; disposing each of them is harmless where one occurs twice.</returns>
    /// <exception cref="InsufficientMemoryException">There is no memory for a dense gradient.</exception>
    /// <exception cref="ObjectDisposedException">A table was disposed.</exception>
    public EmbeddingGradient[] CreateGradients()
    {
        EmbeddingGradient[] gradients = new EmbeddingGradient[_features.Length];
        for (int f = 0; f < gradients.Length; f++)
        {
            EmbeddingGradient? shared = Array.Find(gradients, gradient => gradient?.Table == _features[f].Weight);
            gradients[f] = shared ?? _features[f].CreateGradient();
        }

        return gradients;
    }

    /// <summary>Disposes the embedding bags, unless the collection was told to leave them open.</summary>
    public void Dispose()
    {
        if (_leaveOpen) return;
        foreach (EmbeddingBag feature in _features) feature.Dispose();
    }

    private int CheckBatch<TIndex>(in Bags<TIndex> bags)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        if (bags.Count % _features.Length != 0)
        {
            Throw.Argument(nameof(bags), $"there are {bags.Count} bags, which is no multiple of the {_features.Length} features.");
        }

        foreach (EmbeddingBag feature in _features) feature.CheckWeights(bags.HasWeights);
        return bags.Count / _features.Length;
    }
}
