using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests;

/// <summary>Several features in one call are what each embedding bag gives for its columns.</summary>
public sealed class EmbeddingBagCollectionTests : IDisposable
{
    private const int Batch = 9;
    private readonly EmbeddingTable _shared = EmbeddingTable.Create(30, 7, Initializer.Normal(1));
    private readonly EmbeddingBag[] _features;
    private readonly EmbeddingBagCollection _collection;
    private readonly long[] _indices;
    private readonly int[] _lengths;

    public EmbeddingBagCollectionTests()
    {
        // Tables of different sizes, one of them used twice, every pooling, padding, limits and unknown indices.
        _features =
        [
            new EmbeddingBag(_shared, Pooling.Sum, new EmbeddingOptions { PaddingIndex = 2, Sparse = true }, leaveOpen: true),
            new EmbeddingBag(50, 16, seed: 2, Pooling.Mean, new EmbeddingOptions { MaxNorm = 2 }),
            new EmbeddingBag(_shared, Pooling.Max, new EmbeddingOptions { ScaleGradByFrequency = true, Sparse = true }, leaveOpen: true),
            new EmbeddingBag(20, 33, seed: 3, Pooling.SqrtN, new EmbeddingOptions { UnknownIndices = UnknownIndexPolicy.Zeros, MaxNorm = 1, RenormTarget = RenormTarget.Output }),
            new EmbeddingBag(12, 5, seed: 4, Pooling.Max),
        ];
        _collection = new EmbeddingBagCollection(_features);
        Random random = new(5);
        _lengths = [.. Enumerable.Range(0, Batch * _features.Length).Select(_ => random.Next(6))];
        _indices = [.. _lengths.SelectMany((length, bag) => Enumerable.Range(0, length)
            .Select(_ => random.NextInt64(_features[bag / Batch].NumEmbeddings + (bag / Batch == 3 ? 5 : 0))))];
    }

    public void Dispose()
    {
        _collection.Dispose();
        _shared.Dispose();
    }

    [Fact]
    public void Columns_say_where_each_feature_is()
    {
        Assert.Equal(7 + 16 + 7 + 33 + 5, _collection.OutputDim);
        Assert.Equal([0, 7, 23, 30, 63], Enumerable.Range(0, 5).Select(_collection.ColumnOf));
        Assert.Equal(5, _collection.Features.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_call_is_what_the_features_are_one_by_one(bool accumulate)
    {
        int width = _collection.OutputDim;
        float[] output = new float[Batch * width], outputGradient = [.. Enumerable.Range(0, Batch * width).Select(i => (float)Math.Sin(i))];
        long[] winners = new long[output.Length];
        EmbeddingGradient[] gradients = _collection.CreateGradients(), expectedGradients = _collection.CreateGradients();
        Assert.Same(gradients[0], gradients[2]);
        float[] limited = TestTable.Values(_features[1].Weight);
        _collection.Forward(All(), output, winners);

        // Limiting is not idempotent: rounding can leave a row just above the limit, and the next call limits it again.
        for (int row = 0; row < 50; row++) _features[1].Weight.SetRow(row, limited.AsSpan(row * 16, 16));
        _collection.Backward(All(), outputGradient, gradients, winners, accumulate: accumulate);
        if (accumulate) _collection.Backward(All(), outputGradient, gradients, winners, accumulate: true);

        for (int pass = 0; pass < (accumulate ? 2 : 1); pass++)
        {
            int start = 0;
            for (int f = 0; f < _features.Length; f++)
            {
                int[] lengths = _lengths[(f * Batch)..((f + 1) * Batch)];
                long[] indices = _indices[start..(start += lengths.Sum())];
                int dim = _features[f].EmbeddingDim;
                float[] own = new float[Batch * dim];
                long[] ownWinners = new long[_features[f].Pooling == Pooling.Max ? own.Length : 0];
                _features[f].Forward(Bags<long>.FromLengths(indices, lengths), own, ownWinners);
                float[] ownGradient = Columns(outputGradient, f);
                if (pass == 0) BitEqual.AssertSameBits(own, Columns(output, f), $"feature {f}");
                if (ownWinners.Length > 0) Assert.Equal(ownWinners, Columns(winners, f));
                _features[f].Backward(Bags<long>.FromLengths(indices, lengths), ownGradient, expectedGradients[f], ownWinners, accumulate: pass > 0 || f == 2);
            }
        }

        for (int f = 0; f < _features.Length; f++)
        {
            if (gradients[f] is SparseGradient sparse)
            {
                SparseGradient expected = (SparseGradient)expectedGradients[f];
                Assert.Equal(expected.Rows.ToArray(), sparse.Rows.ToArray());
                BitEqual.AssertSameBits(expected.Values, sparse.Values, $"gradient {f}");
            }
            else
            {
                BitEqual.AssertSameBits(TestTable.Values((DenseGradient)expectedGradients[f]), TestTable.Values((DenseGradient)gradients[f]), $"gradient {f}");
            }
        }
    }

    [Fact]
    public void Weights_go_to_every_feature_and_so_do_their_gradients()
    {
        EmbeddingBag[] features = [_features[0], _features[1], _features[3]];
        using EmbeddingBagCollection weighted = new(features, leaveOpen: true);
        int[] indices = [1, 2, 2, 3, 25, 4], lengths = [2, 1, 0, 1, 2, 0];
        float[] weights = [1, 2, 3, 4, 5, 6], weightsGradient = [9, 9, 9, 9, 9, 9], expected = new float[6], output = new float[2 * weighted.OutputDim];
        weighted.Forward(Bags<int>.FromLengths(indices, lengths).WithWeights(weights), output);
        float[] outputGradient = [.. output.Select((x, i) => i - x)];
        EmbeddingGradient[] gradients = weighted.CreateGradients();
        weighted.Backward(Bags<int>.FromLengths(indices, lengths).WithWeights(weights), outputGradient, gradients, weightsGradient: weightsGradient);
        int start = 0;
        for (int f = 0; f < 3; f++)
        {
            int[] own = lengths[(2 * f)..(2 * f + 2)];
            int end = start + own.Sum();
            int dim = features[f].EmbeddingDim;
            float[] columns = [.. Enumerable.Range(0, 2 * dim).Select(i => outputGradient[(i / dim * weighted.OutputDim) + weighted.ColumnOf(f) + (i % dim)])];
            features[f].Backward(
                Bags<int>.FromLengths(indices.AsSpan(start, end - start), own).WithWeights(weights.AsSpan(start, end - start)), columns, gradients[f], weightsGradient: expected.AsSpan(start, end - start));
            start = end;
        }

        BitEqual.AssertSameBits(expected, weightsGradient);
        Assert.Equal(0, weightsGradient[1]);
    }

    [Fact]
    public void A_bad_index_of_the_last_feature_leaves_the_first_untouched()
    {
        float[] before = TestTable.Values(_features[1].Weight);
        Canary output = new(Batch * _collection.OutputDim);
        _indices[^1] = 12;
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => _collection.Forward(All(), output.Span));
        Assert.StartsWith($"indices[{_indices.Length - 1}] = 12; the table has rows 0 to 11.", e.Message, StringComparison.Ordinal);
        output.AssertUntouched();
        BitEqual.AssertSameBits(before, TestTable.Values(_features[1].Weight));
        EmbeddingGradient[] gradients = _collection.CreateGradients();
        Assert.Throws<ArgumentOutOfRangeException>(() => _collection.Backward(All(), new float[Batch * _collection.OutputDim], gradients, new long[Batch * _collection.OutputDim]));
        Assert.Equal(0, ((SparseGradient)gradients[0]).Rows.Length);
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        Assert.StartsWith("there are 7 bags, which is no multiple of the 5 features.", Assert.Throws<ArgumentException>(() => _collection.Forward(Bags<int>.FromLengths([], new int[7]), [])).Message, StringComparison.Ordinal);
        Assert.StartsWith("max pooling takes no weights", Assert.Throws<ArgumentException>(() => _collection.Forward(All().WithWeights(new float[_indices.Length]), new float[Batch * _collection.OutputDim])).Message, StringComparison.Ordinal);
        Assert.StartsWith("destinations has 1 elements; expected 5 (one per feature).", Assert.Throws<ArgumentException>(() => _collection.Backward(All(), new float[Batch * _collection.OutputDim], [_features[0].CreateGradient()])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new EmbeddingBagCollection([]));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        float[] output = new float[Batch * _collection.OutputDim];
        long[] winners = new long[output.Length];
        EmbeddingGradient[] gradients = _collection.CreateGradients();
        Allocations.AssertNone(() =>
        {
            _collection.Forward(All(), output, winners);
            _collection.Backward(All(), output, gradients, winners);
            _collection.Backward(All(), output, gradients, winners, accumulate: true);
        });
    }

    private Bags<long> All() => Bags<long>.FromLengths(_indices, _lengths);

    private T[] Columns<T>(T[] values, int feature)
    {
        int dim = _features[feature].EmbeddingDim;
        return [.. Enumerable.Range(0, Batch * dim).Select(i => values[(i / dim * _collection.OutputDim) + _collection.ColumnOf(feature) + (i % dim)])];
    }
}
