using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests;

public sealed class EmbeddingBagTests
{
    private static readonly Pooling[] s_poolings = Enum.GetValues<Pooling>();

    [Fact]
    public void Splitting_a_bag_and_adding_is_the_whole_on_integers()
    {
        Random random = new(1);
        using EmbeddingTable table = new(40, 21);
        for (int row = 0; row < 40; row++) table.SetRow(row, [.. Enumerable.Range(0, 21).Select(_ => (float)random.Next(-1000, 1000))]);
        using EmbeddingBag bag = new(table, Pooling.Sum);
        int[] indices = [.. Enumerable.Range(0, 60).Select(_ => random.Next(40))];
        float[] weights = [.. Enumerable.Range(0, 60).Select(_ => (float)random.Next(-9, 9))];
        float[] whole = new float[21], parts = new float[3 * 21];
        for (int round = 0; round < 2; round++)
        {
            bag.Forward(round == 0 ? Bags<int>.FixedLength(indices, 60) : Bags<int>.FixedLength(indices, 60).WithWeights(weights), whole);
            Bags<int> split = Bags<int>.FromLengths(indices, [17, 0, 43]);
            bag.Forward(round == 0 ? split : split.WithWeights(weights), parts);
            for (int j = 0; j < 21; j++) Assert.Equal(whole[j], parts[j] + parts[21 + j] + parts[42 + j]);
        }
    }

    [Fact]
    public void Default_bags_are_none()
    {
        using EmbeddingBag bag = new(3, 2, seed: 1);
        using EmbeddingGradient gradient = bag.CreateGradient();
        bag.Forward(default(Bags<int>), []);
        bag.Backward(default(Bags<int>).WithWeights([]), [], gradient);
        Assert.Throws<ArgumentException>(() => bag.Forward(default(Bags<int>), new float[2]));
    }

    [Fact]
    public void A_lookup_is_a_bag_of_one_but_for_the_sign_of_zero()
    {
        using EmbeddingTable table = new(3, 4);
        table.SetRow(0, [1, -0f, float.NegativeInfinity, float.Epsilon]);
        table.SetRow(2, [-0f, 0f, -3, float.MaxValue]);
        using Embedding embedding = new(table, leaveOpen: true);
        float[] copied = new float[12], pooled = new float[12];
        embedding.Forward<int>([0, 1, 2], copied);
        Assert.True(float.IsNegative(copied[1]) && float.IsNegative(copied[8]));
        foreach (Pooling pooling in s_poolings)
        {
            using EmbeddingBag bag = new(table, pooling, leaveOpen: true);
            bag.Forward(Bags<int>.FixedLength([0, 1, 2], 1), pooled);

            // Max copies too; a sum starts from +0.0, and -0.0 added to it is +0.0.
            if (pooling == Pooling.Max) BitEqual.AssertSameBits(copied, pooled);
            else BitEqual.AssertSameBits([.. copied.Select(x => x == 0 ? 0f : x)], pooled);
        }
    }

    [Fact]
    public void Permuting_bags_permutes_the_output()
    {
        Random random = new(2);
        int[] order = [.. Enumerable.Range(0, 30)];
        random.Shuffle(order);
        int[][] bags = [.. order.Select(_ => Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(50)).ToArray())];
        foreach (Pooling pooling in s_poolings)
        {
            using EmbeddingBag bag = new(50, 19, seed: 1, pooling, new EmbeddingOptions { PaddingIndex = 4, MaxNorm = 3, RenormTarget = RenormTarget.Output });
            float[] output = Pool(bag, bags);
            float[] permuted = Pool(bag, [.. order.Select(i => bags[i])]);
            for (int i = 0; i < order.Length; i++) BitEqual.AssertSameBits(output.AsSpan(order[i] * 19, 19), permuted.AsSpan(i * 19, 19));
        }
    }

    /// <summary>The loss is sum of c * output; its slopes along weights and factors, by differences, are their gradients.</summary>
    [Fact]
    public void Backward_is_the_slope_that_finite_differences_have()
    {
        int[] indices = [3, 1, 3, 6, 0, 3, 2], lengths = [3, 0, 4];
        float[] factors = [0.5f, 2, 1.5f, 1, 0.25f, 3, 1];
        float[] c = [.. Enumerable.Range(0, 15).Select(i => (i % 7) - 3f)];
        foreach (Pooling pooling in s_poolings)
        {
            bool weighted = pooling != Pooling.Max;
            using EmbeddingBag bag = new(7, 5, seed: 2, pooling, new EmbeddingOptions { PaddingIndex = 1 });
            using DenseGradient gradient = new(bag.Weight);
            float[] factorsGradient = new float[weighted ? 7 : 0];
            long[] winners = new long[weighted ? 0 : 15];
            bag.Forward(NewBags(), new float[15], winners);
            bag.Backward(NewBags(), c, gradient, winners, factorsGradient);
            float[] slopes = TestTable.Values(gradient);
            for (int i = 0; i < 35; i++)
            {
                if (i / 5 == 1) continue;
                float[] row = bag.Weight.GetRow(i / 5).ToArray();
                double rise = LossWith(i / 5, i % 5, row, 0.001f) - LossWith(i / 5, i % 5, row, -0.001f);
                Assert.Equal(slopes[i], rise / 0.002, 0.01);
            }

            for (int i = 0; i < factorsGradient.Length; i++)
            {
                float factor = factors[i];
                factors[i] = factor + 0.01f;
                double rise = Loss();
                factors[i] = factor - 0.01f;
                rise -= Loss();
                factors[i] = factor;
                Assert.Equal(factorsGradient[i], rise / 0.02, 0.01);
            }

            Bags<int> NewBags() => weighted ? Bags<int>.FromLengths(indices, lengths).WithWeights(factors) : Bags<int>.FromLengths(indices, lengths);

            double LossWith(int row, int column, float[] values, float change)
            {
                float[] changed = [.. values];
                changed[column] += change;
                bag.Weight.SetRow(row, changed);
                double loss = Loss();
                bag.Weight.SetRow(row, values);
                return loss;
            }

            double Loss()
            {
                float[] output = new float[15];
                bag.Forward(NewBags(), output);
                return output.Zip(c, (x, factor) => (double)x * factor).Sum();
            }
        }
    }

    [Fact]
    public void Weights_that_cancel_make_zeros_and_pass_no_gradient()
    {
        foreach (Pooling pooling in new[] { Pooling.Mean, Pooling.SqrtN })
        {
            using EmbeddingBag bag = new(4, 3, seed: 1, pooling, new EmbeddingOptions { Sparse = true });
            using SparseGradient gradient = new(bag.Weight);
            float[] weights = pooling == Pooling.Mean ? [2, -2] : [0, 0];
            float[] output = [1, 2, 3], weightsGradient = [7, 7];
            bag.Forward(Bags<int>.FixedLength([1, 2], 2).WithWeights(weights), output);
            Assert.Equal([0f, 0, 0], output);
            bag.Backward(Bags<int>.FixedLength([1, 2], 2).WithWeights(weights), [1, 2, 3], gradient, weightsGradient: weightsGradient);
            Assert.Equal([0f, 0], weightsGradient);
            Assert.Equal(new float[6], gradient.Values.ToArray());
        }
    }

    [Fact]
    public void Max_keeps_the_first_of_equals_and_a_NaN_only_where_it_comes_first()
    {
        using EmbeddingTable table = new(3, 17);
        table.SetRow(0, [.. Enumerable.Repeat(1f, 16), float.NaN]);
        table.SetRow(1, [.. Enumerable.Repeat(float.NaN, 16), 5]);
        table.SetRow(2, [.. Enumerable.Repeat(1f, 16), 6]);
        using EmbeddingBag bag = new(table, Pooling.Max);
        float[] output = new float[34];
        long[] winners = new long[34];
        bag.Forward(Bags<int>.FixedLength([0, 1, 2, 2, 0, 1], 3), output, winners);
        Assert.All(winners[..17], row => Assert.Equal(0, row));
        Assert.Equal(float.NaN, output[16]);
        Assert.All(winners[17..], row => Assert.Equal(2, row));
        Assert.Equal(6, output[33]);
        bag.Forward(Bags<int>.FixedLength([1, 2], 2), output.AsSpan(0, 17), winners.AsSpan(0, 17));
        Assert.All(winners[..16], row => Assert.Equal(1, row));
        Assert.Equal(2, winners[16]);
    }

    [Fact]
    public void Winners_that_no_bag_holds_receive_what_they_are_given_and_nothing_else()
    {
        using EmbeddingBag bag = new(300, 40, seed: 1, Pooling.Max, new EmbeddingOptions { ScaleGradByFrequency = true });
        long[] winners = [.. Enumerable.Range(0, 40).Select(i => (long)(299 - (i * 2)))];
        float[] c = [.. Enumerable.Range(0, 40).Select(i => i + 1f)];
        using SparseGradient gradient = new(bag.Weight);
        bag.Backward(Bags<int>.FixedLength([1], 1), c, gradient, winners);
        Assert.Equal(winners.Reverse(), gradient.Rows.ToArray());
        for (int i = 0; i < 40; i++) Assert.Equal(c[39 - i], gradient.GetValues(i)[39 - i]);
        winners[5] = 300;
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => bag.Backward(Bags<int>.FixedLength([1], 1), c, gradient, winners));
        Assert.StartsWith("winners[5] = 300; the table has rows 0 to 299.", e.Message, StringComparison.Ordinal);
        winners[5] = -2;
        Assert.Throws<ArgumentOutOfRangeException>(() => bag.Backward(Bags<int>.FixedLength([1], 1), c, gradient, winners));
    }

    [Fact]
    public void Shaped_calls_are_the_plain_ones()
    {
        using EmbeddingBag bag = new(9, 5, seed: 1);
        int[] indices = [1, 2, 3, 4, 5, 6];
        float[] expected = new float[10], output = new float[10];
        bag.Forward(Bags<int>.FixedLength(indices, 3), expected);
        bag.Forward(Bags<int>.FixedLength(new ReadOnlyTensorSpan<int>(indices, [2, 3])), new TensorSpan<float>(output, [2, 5]));
        BitEqual.AssertSameBits(expected, output);
        Array.Clear(output);
        bag.Forward(Bags<int>.FixedLength(new ReadOnlySpan2D<int>(indices, 2, 3)), new Span2D<float>(output, 2, 5));
        BitEqual.AssertSameBits(expected, output);
        using DenseGradient gradient = new(bag.Weight), other = new(bag.Weight), third = new(bag.Weight);
        bag.Backward(Bags<int>.FixedLength(indices, 3), expected, gradient);
        bag.Backward(Bags<int>.FixedLength(indices, 3), new ReadOnlyTensorSpan<float>(expected, [2, 5]), other);
        bag.Backward(Bags<int>.FixedLength(indices, 3), new ReadOnlySpan2D<float>(expected, 2, 5), third);
        BitEqual.AssertSameBits(TestTable.Values(gradient), TestTable.Values(other));
        BitEqual.AssertSameBits(TestTable.Values(gradient), TestTable.Values(third));
        Assert.Throws<ArgumentException>(() => bag.Forward(Bags<int>.FixedLength(indices, 3), new TensorSpan<float>(output, [5, 2])));
        Assert.Throws<ArgumentException>(() => bag.Forward(Bags<int>.FixedLength(indices, 3), new Span2D<float>(new float[12], 0, 2, 5, 1)));
        Assert.Throws<ArgumentException>(() => _ = Bags<int>.FixedLength(new ReadOnlyTensorSpan<int>(indices, [6])).Count);
    }

    [Fact]
    public void Wrong_lengths_and_shared_memory_are_refused_by_name()
    {
        using EmbeddingBag mean = new(5, 2, seed: 1);
        using EmbeddingBag max = new(5, 2, seed: 1, Pooling.Max);
        using EmbeddingGradient gradient = mean.CreateGradient(), maxGradient = max.CreateGradient();
        float[] six = new float[6];
        Refusals.AssertMessage("output has 3 elements; expected 4 (bags.Count * embeddingDim).", () => mean.Forward(Bags<int>.FixedLength([1, 2], 1), new float[3]));
        Refusals.AssertMessage("winners has 3 elements; expected 4 (bags.Count * embeddingDim).", () => max.Forward(Bags<int>.FixedLength([1, 2], 1), new float[4], new long[3]));
        Refusals.AssertMessage("Mean pooling has no winners; only max has.", () => mean.Forward(Bags<int>.FixedLength([1, 2], 1), new float[4], new long[4]));
        Refusals.AssertMessage("winners has 0 elements; expected 4 (bags.Count * embeddingDim).", () => max.Backward(Bags<int>.FixedLength([1, 2], 1), new float[4], maxGradient));
        Refusals.AssertMessage("the bags have no weights to give a gradient to", () => mean.Backward(Bags<int>.FixedLength([1, 2], 1), new float[4], gradient, weightsGradient: new float[2]));
        Refusals.AssertMessage("weightsGradient has 3 elements; expected 2 (one per index).", () => mean.Backward(Bags<int>.FixedLength([1, 2], 1).WithWeights([1, 2]), new float[4], gradient, weightsGradient: new float[3]));
        Refusals.AssertMessage("perSampleWeights overlaps output", () => mean.Forward(Bags<int>.FixedLength([1, 2], 1).WithWeights(six.AsSpan(3, 2)), six.AsSpan(0, 4)));
        Refusals.AssertMessage("perSampleWeights overlaps weightsGradient", () => mean.Backward(Bags<int>.FixedLength([1, 2], 1).WithWeights(six.AsSpan(3, 2)), new float[4], gradient, weightsGradient: six.AsSpan(2, 2)));
        Refusals.AssertMessage("there are 3 indices, which is no multiple of length = 2.", () => _ = Bags<int>.FixedLength([1, 2, 3], 2).Count);
        Refusals.AssertMessage("lengths[1] = -1; a bag has 0 or more indices.", () => mean.Forward(Bags<int>.FromLengths([1, 2], [2, -1]), new float[4]));
        Refusals.AssertMessage("lengths[1] = 2; bag 1 ends beyond the 2 indices.", () => mean.Forward(Bags<int>.FromLengths([1, 2], [1, 2]), new float[4]));
        Refusals.AssertMessage("lengths sum up to 1; there are 2 indices.", () => mean.Forward(Bags<int>.FromLengths([1, 2], [1, 0]), new float[4]));
        Refusals.AssertMessage("the gradient belongs to another table.", () => mean.Backward(Bags<int>.FixedLength([1], 1), new float[2], maxGradient));
    }

    private static float[] Pool(EmbeddingBag bag, int[][] bags)
    {
        float[] output = new float[bags.Length * bag.EmbeddingDim];
        bag.Forward(Bags<int>.FromLengths(bags.SelectMany(indices => indices).ToArray(), bags.Select(indices => indices.Length).ToArray()), output);
        return output;
    }
}
