using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Optimizers;

/// <summary>Several tables, groups, arrays that are no tables, and what a step refuses.</summary>
public sealed class OptimizerTests
{
    [Fact]
    public void A_table_that_was_not_added_is_refused_by_name()
    {
        using EmbeddingTable table = new(3, 2), other = new(3, 2);
        using Adam optimizer = new(table, new AdamOptions());
        using SparseGradient gradient = new(other);
        using Embedding embedding = new(other, leaveOpen: true);
        Assert.Contains("was not added to this optimizer: call Add(table) first.", Assert.Throws<ArgumentException>(() => optimizer.Step(gradient)).Message, StringComparison.Ordinal);
        Assert.Contains("was not added", Assert.Throws<ArgumentException>(() => optimizer.Step<int>(embedding, [0], [1, 2])).Message, StringComparison.Ordinal);
        Assert.Equal(0, optimizer.State.StepsOf(table));
    }

    [Fact]
    public void Without_options_an_optimizer_has_the_defaults()
    {
        using EmbeddingTable table = new(3, 2);
        Optimizer[] optimizers = [new Sgd(table), new Adagrad(table), new RowWiseAdagrad(table), new Adam(table), new AdamW(table), new SparseAdam(table), new RmsProp(table), new Ftrl(table)];
        OptimizerOptions[] defaults =
        [
            new SgdOptions(), new AdagradOptions(), new RowWiseAdagradOptions(), new AdamOptions(), new AdamWOptions(), new SparseAdamOptions(), new RmsPropOptions(),
            new FtrlOptions(),
        ];
        Assert.Equal(defaults, optimizers.Select(optimizer => optimizer.Groups[0].Options));
        foreach (Optimizer optimizer in optimizers) optimizer.Dispose();
    }

    [Fact]
    public void Two_gradients_of_one_table_in_a_step_are_refused_and_nothing_moves()
    {
        using EmbeddingTable table = EmbeddingTable.Create(4, 3, Initializer.Normal(1)), other = EmbeddingTable.Create(4, 3, Initializer.Normal(2));
        using Sgd optimizer = new(table, new SgdOptions());
        optimizer.Add(other);
        using Embedding first = new(table, leaveOpen: true), second = new(other, leaveOpen: true);
        using SparseGradient a = new(other), b = new(table), c = new(table);
        first.Backward<int>([1], [1, 1, 1], b);
        first.Backward<int>([2], [1, 1, 1], c);
        second.Backward<int>([2], [1, 1, 1], a);
        float[] before = TestTable.Values(table), otherBefore = TestTable.Values(other);
        EmbeddingGradient[] gradients = [a, b, c];
        Assert.Contains("gradients[1] and gradients[2] are of one table", Assert.Throws<ArgumentException>(() => optimizer.Step(gradients)).Message, StringComparison.Ordinal);
        BitEqual.AssertSameBits(before, TestTable.Values(table));
        BitEqual.AssertSameBits(otherBefore, TestTable.Values(other));
    }

    [Fact]
    public void Groups_have_options_and_learning_rates_of_their_own()
    {
        using EmbeddingTable slow = new(2, 1), fast = new(2, 1);
        using Sgd optimizer = new(slow, new SgdOptions { LearningRate = 0.5f });
        ParameterGroup group = optimizer.AddGroup(new SgdOptions { LearningRate = 2, Maximize = true });
        optimizer.Add(fast, group);
        using SparseGradient slowGradient = Ones(slow), fastGradient = Ones(fast);
        EmbeddingGradient[] gradients = [slowGradient, fastGradient];
        optimizer.Step(gradients);
        Assert.Equal([-0.5f, -0.5f, 2, 2], [.. TestTable.Values(slow), .. TestTable.Values(fast)]);
        group.LearningRate = 10;
        optimizer.Step(gradients);
        Assert.Equal([-1, -1, 12, 12], [.. TestTable.Values(slow), .. TestTable.Values(fast)]);
        Assert.Equal([optimizer.Groups[0], group], optimizer.Groups);
        using Sgd another = new(new SgdOptions());
        Assert.Throws<ArgumentException>(() => another.Add(slow, group));
        Assert.Throws<ArgumentException>(() => optimizer.Add(slow, group));
    }

    [Fact]
    public void A_learning_rate_out_of_range_is_refused_when_it_is_set_too()
    {
        using Sgd sgd = new(new SgdOptions());
        using Ftrl ftrl = new(new FtrlOptions());
        sgd.LearningRate = 0;
        foreach (float rate in new[] { -1, float.NaN, float.PositiveInfinity })
        {
            Assert.Contains("it must be finite and 0 or more", Assert.Throws<ArgumentOutOfRangeException>(() => sgd.LearningRate = rate).Message, StringComparison.Ordinal);
        }

        Assert.Contains("LearningRate = 0; it must be above 0", Assert.Throws<ArgumentOutOfRangeException>(() => ftrl.LearningRate = 0).Message, StringComparison.Ordinal);
        Assert.Equal((0, 0.1f), (sgd.LearningRate, ftrl.LearningRate));
    }

    [Fact]
    public void One_norm_limits_all_gradients_of_a_step()
    {
        using EmbeddingTable left = new(1, 1), right = new(1, 1);
        using Sgd optimizer = new(left, new SgdOptions { LearningRate = 1, ClipNorm = 1 });
        optimizer.Add(right);
        using Embedding first = new(left, leaveOpen: true), second = new(right, leaveOpen: true);
        using DenseGradient a = new(left), b = new(right);
        first.Backward<int>([0], [3], a);
        second.Backward<int>([0], [4], b);
        EmbeddingGradient[] gradients = [a, b];
        optimizer.Step(gradients);
        Assert.Equal(-3f / 5, left.GetRow(0)[0], 1e-6f);
        Assert.Equal(-4f / 5, right.GetRow(0)[0], 1e-6f);
    }

    [Fact]
    public void A_table_of_several_features_gathers_their_gradients()
    {
        using EmbeddingTable table = new(5, 2);
        using Embedding clicked = new(table, new EmbeddingOptions { Sparse = true }, leaveOpen: true), bought = new(table, new EmbeddingOptions { Sparse = true }, leaveOpen: true);
        using SparseGradient gradient = new(table);
        using Sgd optimizer = new(table, new SgdOptions { LearningRate = 1 });
        clicked.Backward<int>([1, 2], [1, 1, 2, 2], gradient);
        bought.Backward<int>([2, 4], [10, 10, 20, 20], gradient, accumulate: true);
        optimizer.Step(gradient);
        Assert.Equal([0, 0, -1, -1, -12, -12, 0, 0, -20, -20], TestTable.Values(table));
        Assert.Equal(1, optimizer.State.StepsOf(table));
    }

    /// <summary>An array is stepped as a table with a dense gradient is, by every optimizer.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void An_array_is_stepped_as_a_table_is(int degree)
    {
        Random random = new(3);
        float[] start = [.. Enumerable.Range(0, 7 * 13).Select(_ => random.NextSingle() - 0.5f)];
        foreach (OptimizerRule rule in OptimizerRule.All)
        {
            for (int seed = 0; seed < 8; seed++)
            {
                using EmbeddingTable table = TestTable.From(start, 7, 13);
                using Embedding embedding = new(table, leaveOpen: true);
                using DenseGradient gradient = new(table);
                using Optimizer optimizer = rule.Create(new OptimizerKnobs(new Random(seed), 0.1f, throws: false), degree);
                optimizer.Add(table);
                DenseParameter parameter = optimizer.AddParameter(7, 13);
                float[] weights = [.. start];
                for (int step = 0; step < 3; step++)
                {
                    float[] values = [.. start.Select(_ => random.NextSingle() - 0.5f)];
                    embedding.Backward<int>([0, 1, 2, 3, 4, 5, 6], values, gradient);
                    optimizer.Step(gradient);
                    optimizer.Step(parameter, weights, values);
                    BitEqual.Assert(TestTable.Values(table), weights, $"{rule.Name} {seed} after step {step}");
                }
            }
        }

        using Sgd sgd = new(new SgdOptions());
        DenseParameter own = sgd.AddParameter(2, 3);
        using Sgd other = new(new SgdOptions());
        Assert.Contains("another optimizer's", Assert.Throws<ArgumentException>(() => other.Step(own, new float[6], new float[6])).Message, StringComparison.Ordinal);
        Assert.Contains("weights has 5 elements; expected 6", Assert.Throws<ArgumentException>(() => sgd.Step(own, new float[5], new float[6])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => sgd.Step(own, start.AsSpan(0, 6), start.AsSpan(3, 6)));
        Assert.Throws<ArgumentOutOfRangeException>(() => sgd.AddParameter(0, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => sgd.AddParameter(1 << 16, 1 << 16));
    }

    [Fact]
    public void A_gradient_that_is_no_number_is_refused_where_it_lies()
    {
        using Embedding embedding = new(4, 3, seed: 1, new EmbeddingOptions { Sparse = true });
        using Adagrad optimizer = new(embedding.Weight, new AdagradOptions { NonFinite = NonFiniteGradients.Throw });
        using EmbeddingGradient gradient = embedding.CreateGradient();
        float[] bad = [1, 1, 1, 1, float.NaN, 1];
        float[] before = TestTable.Values(embedding.Weight);
        string fused = Assert.Throws<ArgumentException>(() => optimizer.Step<int>(embedding, [3, 2], bad)).Message;
        Assert.Contains("outputGradient is NaN at position 1, column 1; nothing was changed.", fused, StringComparison.Ordinal);
        embedding.Backward<int>([3, 2], bad, gradient);
        string apart = Assert.Throws<ArgumentException>(() => optimizer.Step(gradient)).Message;
        Assert.Contains("the gradient of row 2 is NaN in column 1; nothing was changed.", apart, StringComparison.Ordinal);
        BitEqual.AssertSameBits(before, TestTable.Values(embedding.Weight));
        Assert.Equal(0, optimizer.State.StepsOf(embedding.Weight));

        // An overflow that arises in a sum is nobody's bad input.
        optimizer.Step<int>(embedding, [1, 1], [float.MaxValue, 0, 0, float.MaxValue, 0, 0]);
        Assert.False(float.IsFinite(embedding.Weight.GetRow(1)[0]));
    }

    [Fact]
    public void Steps_of_spans_that_know_their_shape_are_the_plain_ones()
    {
        float[] values = [.. Enumerable.Range(0, 12).Select(i => i - 5f)];
        using Embedding plain = new(5, 3, seed: 1), tensors = new(5, 3, seed: 1), planes = new(5, 3, seed: 1);
        using EmbeddingBag plainBag = new(plain.Weight, Pooling.Sum, leaveOpen: true), tensorBag = new(tensors.Weight, Pooling.Sum, leaveOpen: true), planeBag = new(planes.Weight, Pooling.Sum, leaveOpen: true);
        using Adam optimizer = new(plain.Weight, new AdamOptions());
        optimizer.Add(tensors.Weight);
        optimizer.Add(planes.Weight);
        int[] indices = [1, 4, 1, 0];
        Bags<int> bags = Bags<int>.FixedLength(indices, 1);
        optimizer.Step<int>(plain, indices, values);
        optimizer.Step(plainBag, bags, values);
        optimizer.Step(tensors, new ReadOnlyTensorSpan<int>(indices, [2, 2]), new ReadOnlyTensorSpan<float>(values, [2, 2, 3]));
        optimizer.Step(tensorBag, bags, new ReadOnlyTensorSpan<float>(values, [4, 3]));
        optimizer.Step<int>(planes, indices, new ReadOnlySpan2D<float>(values, 4, 3));
        optimizer.Step(planeBag, bags, new ReadOnlySpan2D<float>(values, 4, 3));
        BitEqual.AssertSameBits(TestTable.Values(plain.Weight), TestTable.Values(tensors.Weight));
        BitEqual.AssertSameBits(TestTable.Values(plain.Weight), TestTable.Values(planes.Weight));

        DenseParameter first = optimizer.AddParameter(4, 3), second = optimizer.AddParameter(4, 3), third = optimizer.AddParameter(4, 3);
        float[] a = new float[12], b = new float[12], c = new float[12];
        optimizer.Step(first, a, values);
        optimizer.Step(second, new TensorSpan<float>(b, [4, 3]), new ReadOnlyTensorSpan<float>(values, [4, 3]));
        optimizer.Step(third, new Span2D<float>(c, 4, 3), new ReadOnlySpan2D<float>(values, 4, 3));
        BitEqual.AssertSameBits(a, b);
        BitEqual.AssertSameBits(a, c);

        float[] before = TestTable.Values(plain.Weight);
        Assert.Contains("outputGradient has shape [3, 4]", Assert.Throws<ArgumentException>(() => optimizer.Step<int>(plain, indices, new ReadOnlySpan2D<float>(values, 3, 4))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => optimizer.Step(tensorBag, Bags<int>.FixedLength(indices, 1), new ReadOnlyTensorSpan<float>(values, [3, 4])));
        Assert.Throws<ArgumentException>(() => optimizer.Step(third, new Span2D<float>(c, 3, 4), new ReadOnlySpan2D<float>(values, 4, 3)));
        Assert.Throws<ArgumentException>(() => optimizer.Step<int>(plain, indices.AsSpan(0, 2), new ReadOnlySpan2D<float>(values, 0, 2, 3, 1)));
        BitEqual.AssertSameBits(before, TestTable.Values(plain.Weight));
    }

    [Fact]
    public void Nothing_works_after_dispose()
    {
        EmbeddingTable table = new(3, 2);
        Sgd optimizer = new(table, new SgdOptions());
        SparseGradient gradient = Ones(table);
        table.Dispose();
        Assert.Throws<ObjectDisposedException>(() => optimizer.Step(gradient));
        optimizer.Dispose();
        optimizer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => optimizer.Step(gradient));
        using EmbeddingTable other = new(3, 2);
        Assert.Throws<ObjectDisposedException>(() => optimizer.Add(other));
        gradient.Dispose();
    }

    private static SparseGradient Ones(EmbeddingTable table)
    {
        SparseGradient gradient = new(table);
        using Embedding embedding = new(table, leaveOpen: true);
        embedding.Backward<int>([.. Enumerable.Range(0, (int)table.RowCount)], [.. Enumerable.Repeat(1f, (int)table.RowCount * table.Dim)], gradient);
        return gradient;
    }
}
