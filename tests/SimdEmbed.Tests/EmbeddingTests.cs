using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests;

public sealed class EmbeddingTests
{
    [Fact]
    public void Permuting_a_batch_permutes_the_output()
    {
        using Embedding embedding = new(50, 13, seed: 4, new EmbeddingOptions { MaxNorm = 2, RenormTarget = RenormTarget.Output });
        Random random = new(1);
        int[] indices = [.. Enumerable.Range(0, 100).Select(_ => random.Next(50))];
        int[] order = [.. Enumerable.Range(0, 100)];
        random.Shuffle(order);
        float[] output = new float[1300], permuted = new float[1300];
        embedding.Forward<int>(indices, output);
        embedding.Forward<int>([.. order.Select(i => indices[i])], permuted);
        for (int i = 0; i < order.Length; i++) BitEqual.AssertSameBits(output.AsSpan(order[i] * 13, 13), permuted.AsSpan(i * 13, 13));
    }

    /// <summary>The loss is sum of c * output; its slope along a weight, by differences, is the gradient of that weight.</summary>
    [Fact]
    public void Backward_is_the_slope_that_finite_differences_have()
    {
        using Embedding embedding = new(7, 5, seed: 2);
        using DenseGradient gradient = new(embedding.Weight);
        int[] indices = [3, 1, 3, 6, 0, 3];
        float[] c = [.. Enumerable.Range(0, 30).Select(i => (i % 7) - 3f)];
        embedding.Backward<int>(indices, c, gradient);
        float[] slopes = TestTable.Values(gradient);
        for (int row = 0; row < 7; row++)
        {
            for (int column = 0; column < 5; column++)
            {
                double rise = LossWith(row, column, 0.5f) - LossWith(row, column, -0.5f);
                Assert.Equal(slopes[(row * 5) + column], rise, 1e-4);
            }
        }

        double LossWith(int row, int column, float change)
        {
            float[] values = embedding.Weight.GetRow(row).ToArray();
            float[] changed = [.. values];
            changed[column] += change;
            embedding.Weight.SetRow(row, changed);
            float[] output = new float[30];
            embedding.Forward<int>(indices, output);
            embedding.Weight.SetRow(row, values);
            return output.Zip(c, (x, factor) => (double)x * factor).Sum();
        }
    }

    [Fact]
    public async Task Limiting_the_output_may_run_on_many_threads()
    {
        using Embedding embedding = new(200, 33, seed: 3, new EmbeddingOptions { MaxNorm = 3, RenormTarget = RenormTarget.Output });
        float[] before = TestTable.Values(embedding.Weight);
        long[] indices = [.. Enumerable.Range(0, 500).Select(i => (long)(i * 7 % 200))];
        float[] expected = new float[500 * 33];
        embedding.Forward<long>(indices, expected);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(
            () =>
            {
                float[] output = new float[expected.Length];
                for (int round = 0; round < 200; round++)
                {
                    Array.Clear(output);
                    embedding.Forward<long>(indices, output);
                    BitEqual.AssertSameBits(expected, output);
                }
            },
            TaskCreationOptions.LongRunning)));
        BitEqual.AssertSameBits(before, TestTable.Values(embedding.Weight));
    }

    [Fact]
    public void Shaped_spans_give_what_plain_ones_give()
    {
        using Embedding embedding = new(9, 4, seed: 5);
        using SparseGradient plain = new(embedding.Weight), tensor = new(embedding.Weight), plane = new(embedding.Weight);
        int[] indices = [1, 8, 1, 0, 5, 5];
        float[] expected = new float[24], actual = new float[24];
        float[,] actualPlane = new float[6, 4];
        embedding.Forward<int>(indices, expected);
        embedding.Forward(new ReadOnlyTensorSpan<int>(indices, [2, 3]), new TensorSpan<float>(actual, [2, 3, 4]));
        embedding.Forward<int>(indices, actualPlane.AsSpan2D());
        BitEqual.AssertSameBits(expected, actual);
        BitEqual.AssertSameBits(expected, actualPlane.AsSpan());

        embedding.Backward<int>(indices, expected, plain);
        embedding.Backward(new ReadOnlyTensorSpan<int>(indices, [2, 3]), new ReadOnlyTensorSpan<float>(expected, [2, 3, 4]), tensor);
        embedding.Backward<int>(indices, new ReadOnlySpan2D<float>(expected, 6, 4), plane);
        Assert.Equal(plain.Rows.ToArray(), tensor.Rows.ToArray());
        BitEqual.AssertSameBits(plain.Values, tensor.Values);
        BitEqual.AssertSameBits(plain.Values, plane.Values);
    }

    [Fact]
    public void A_plane_with_gaps_or_another_shape_is_refused()
    {
        using Embedding embedding = new(9, 4, seed: 5);
        float[] memory = new float[60];
        ArgumentException gap = Assert.Throws<ArgumentException>(() => embedding.Forward<int>([1, 2], new Span2D<float>(memory, 0, 2, 4, 6)));
        Assert.StartsWith("output is a strided view", gap.Message, StringComparison.Ordinal);
        ArgumentException shape = Assert.Throws<ArgumentException>(() => embedding.Forward<int>([1, 2], new Span2D<float>(memory, 4, 2)));
        Assert.StartsWith("output has shape [4, 2]; expected [2, 4].", shape.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resize_keeps_rows_and_makes_new_ones_as_if_they_had_always_been_there()
    {
        Initializer initializer = Initializer.Normal(11);
        using EmbeddingTable table = EmbeddingTable.Create(5, 3, initializer);
        table.SetRow(2, [1, 2, 3]);
        using EmbeddingTable grown = table.Resize(9, initializer);
        using EmbeddingTable large = EmbeddingTable.Create(9, 3, initializer);
        for (int row = 0; row < 9; row++) BitEqual.AssertSameBits(row < 5 ? table.GetRow(row) : large.GetRow(row), grown.GetRow(row));
        using EmbeddingTable shrunk = table.Resize(3, initializer);
        Assert.Equal(3, shrunk.RowCount);
        BitEqual.AssertSameBits(table.GetRow(2), shrunk.GetRow(2));
    }

    [Fact]
    public void Dot_products_of_pairs_are_those_of_the_looked_up_rows()
    {
        using Embedding users = new(9, 21, seed: 1, new EmbeddingOptions { PaddingIndex = 0, ScaleGradByFrequency = true });
        using Embedding items = new(6, 21, seed: 2, new EmbeddingOptions { MaxNorm = 2, UnknownIndices = UnknownIndexPolicy.Zeros, RenormTarget = RenormTarget.Output });
        byte[] user = [0, 3, 3, 8, 1], item = [5, 5, 200, 0, 2];
        float[] userRows = new float[105], itemRows = new float[105], dots = new float[5], upper = [1, -2, 3, 0.5f, 4];
        users.Forward<byte>(user, userRows);
        items.Forward<byte>(item, itemRows);
        EmbeddingDot.Forward<byte>(users, user, items, item, dots);
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(Enumerable.Range(i * 21, 21).Sum(j => (double)userRows[j] * itemRows[j]), dots[i], 1e-4);
        }

        using DenseGradient usersGradient = new(users.Weight), itemsGradient = new(items.Weight), expected = new(users.Weight);
        EmbeddingDot.Backward<byte>(users, user, items, item, upper, usersGradient, itemsGradient);
        float[] outputGradient = [.. itemRows.Select((x, j) => x * upper[j / 21])];
        users.Backward<byte>(user, outputGradient, expected);
        BitEqual.Assert(TestTable.Values(expected), TestTable.Values(usersGradient));
        Assert.Equal(2, items.UnknownIndexCount);
    }

    [Fact]
    public void A_gradient_shared_by_both_sides_of_a_dot_product_receives_the_sum()
    {
        using Embedding table = new(5, 3, seed: 1);
        using DenseGradient left = new(table.Weight), right = new(table.Weight), both = new(table.Weight);
        int[] a = [1, 2, 2], b = [2, 4, 2];
        float[] upper = [1, 2, 3];
        EmbeddingDot.Backward<int>(table, a, table, b, upper, left, right);
        EmbeddingDot.Backward<int>(table, a, table, b, upper, both, both);
        BitEqual.Assert([.. TestTable.Values(left).Zip(TestTable.Values(right), (x, y) => x + y)], TestTable.Values(both));
    }

    [Fact]
    public void An_embedding_says_what_PyTorchs_repr_says()
    {
        EmbeddingOptions options = new() { PaddingIndex = -1, MaxNorm = 0.5f, NormType = float.PositiveInfinity };
        using Embedding embedding = new(100, 6, seed: 1, options);
        Assert.Equal("Embedding(100, 6, padding_idx=99, max_norm=0.5, norm_type=inf)", embedding.ToString());
    }

    [Fact]
    public void A_constructor_that_throws_disposes_the_table_unless_it_is_left_open()
    {
        EmbeddingTable given = new(3, 2), kept = new(3, 2);
        EmbeddingOptions bad = new() { PaddingIndex = 3 };
        Assert.Throws<ArgumentOutOfRangeException>(() => new Embedding(given, bad));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Embedding(kept, bad, leaveOpen: true));
        Assert.Throws<ObjectDisposedException>(() => given.GetRow(0));
        Assert.Equal(2, kept.GetRow(0).Length);
        ArgumentException policy = Assert.Throws<ArgumentException>(
            () => new Embedding(kept, new EmbeddingOptions { UnknownIndices = UnknownIndexPolicy.PaddingRow }, leaveOpen: true));
        Assert.StartsWith("UnknownIndices = PaddingRow needs a PaddingIndex.", policy.Message, StringComparison.Ordinal);
        kept.Dispose();
    }
}
