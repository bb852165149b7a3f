using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests;

/// <summary>Every bad call says what is wrong with it, and leaves everything as it was.</summary>
public sealed class BadInputTests
{
    [Fact]
    public void An_index_out_of_range_is_named_with_position_value_and_limit()
    {
        using EmbeddingTable table = new(1_000_000, 1);
        using Embedding embedding = new(table);
        int[] indices = new int[20];
        indices[17] = 1_000_003;
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => embedding.Forward<int>(indices, new float[20]));
        Assert.Equal("indices", e.ParamName);
        Assert.StartsWith("indices[17] = 1000003; the table has rows 0 to 999999.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_into_a_table_without_rows_is_refused_and_no_index_is_fine()
    {
        using Embedding embedding = new(0, 3, seed: 1);
        embedding.Forward<int>([], []);
        Assert.Contains("the table has no rows", Assert.Throws<ArgumentOutOfRangeException>(() => embedding.Forward<int>([0], new float[3])).Message, StringComparison.Ordinal);
        using EmbeddingGradient gradient = embedding.CreateGradient();
        embedding.Backward<long>([], [], gradient);
        Assert.Equal(0, embedding.Weight.AsTensorSpan().FlattenedLength);
    }

    /// <summary>A bad index at every position of every short batch, for both types and both ends: nothing is written.</summary>
    [Fact]
    public void A_planted_bad_index_is_found_at_every_position_and_nothing_is_written()
    {
        const int Rows = 7;
        const int Dim = 3;
        using Embedding embedding = new(Rows, Dim, seed: 1);
        using SparseGradient sparse = new(embedding.Weight);
        using DenseGradient dense = new(embedding.Weight);
        embedding.Backward<int>([1], [1, 2, 3], sparse);
        embedding.Backward<int>([1], [1, 2, 3], dense);
        float[] weightBefore = TestTable.Values(embedding.Weight);
        long[] bad = [Rows, -1, long.MinValue, long.MaxValue, int.MinValue, int.MaxValue, (1L << 32) + 1];
        Random random = new(1);
        for (int length = 1; length <= 70; length++)
        {
            for (int position = 0; position < length; position++)
            {
                long value = bad[random.Next(bad.Length)];
                long[] wide = new long[length];
                wide[position] = value;
                Refused<long>(wide, position, value);
                if (value == (int)value) Refused<int>(Array.ConvertAll(wide, i => (int)i), position, value);
            }
        }

        Assert.Equal(weightBefore, TestTable.Values(embedding.Weight));
        Assert.Equal([1L], sparse.Rows.ToArray());
        Assert.Equal([1f, 2f, 3f], sparse.Values.ToArray());
        float[] denseAfter = TestTable.Values(dense);
        Assert.Equal([0f, 0f, 0f, 1f, 2f, 3f], denseAfter[..6]);
        Assert.All(denseAfter[6..], element => Assert.Equal(0f, element));

        void Refused<TIndex>(TIndex[] indices, int position, long value)
            where TIndex : unmanaged, System.Numerics.IBinaryInteger<TIndex>
        {
            Canary output = new(indices.Length * Dim);
            string expected = FormattableString.Invariant($"indices[{position}] = {value}; the table has rows 0 to 6.");
            Assert.StartsWith(expected, Assert.Throws<ArgumentOutOfRangeException>(() => embedding.Forward<TIndex>(indices, output.Span)).Message, StringComparison.Ordinal);
            output.AssertUntouched();
            float[] gradient = new float[indices.Length * Dim];
            Assert.Throws<ArgumentOutOfRangeException>(() => embedding.Backward<TIndex>(indices, gradient, sparse));
            Assert.Throws<ArgumentOutOfRangeException>(() => embedding.Backward<TIndex>(indices, gradient, dense, accumulate: true));
        }
    }

    [Fact]
    public void Wrong_lengths_name_what_was_given_and_expected()
    {
        using Embedding embedding = new(5, 6, seed: 1);
        using EmbeddingGradient gradient = embedding.CreateGradient();
        Message("output has 11 elements; expected 12 (indices.Length * embeddingDim).", () => embedding.Forward<int>([1, 2], new float[11]));
        Message("outputGradient has 13 elements; expected 12 (indices.Length * embeddingDim).", () => embedding.Backward<int>([1, 2], new float[13], gradient));
        Message("destination has 5 elements; expected 6 (Dim).", () => embedding.Weight.CopyRowTo(0, new float[5]));
        Message("values has 7 elements; expected 6 (Dim).", () => embedding.Weight.SetRow(0, new float[7]));
        Message("target has 2 elements; expected 3 (prediction.Length).", () => Loss.MeanSquaredError(new float[3], new float[2]));
        Message("left has 7 elements, which is no multiple of inner = 3.", () => MatrixMultiplication.Forward(new float[7], new float[3], 3, new float[2]));
        Message("product has 3 elements; expected 2 (n * m).", () => MatrixMultiplication.Forward(new float[6], new float[3], 3, new float[3]));
    }

    [Fact]
    public void Shapes_of_tensors_are_checked_and_strided_ones_refused()
    {
        using Embedding embedding = new(5, 6, seed: 1);
        int[] indices = [1, 2, 4, 0];
        float[] output = new float[48];
        Message(
            "output has shape [4, 6]; expected [2, 2, 6].",
            () => embedding.Forward(new ReadOnlyTensorSpan<int>(indices, [2, 2]), new TensorSpan<float>(output.AsSpan(0, 24), [4, 6])));
        Message(
            "output is a strided view; only dense, row-major tensors are taken.",
            () => embedding.Forward(new ReadOnlyTensorSpan<int>(indices, [4]), new TensorSpan<float>(output, [4, 6], [12, 1])));
        Message(
            "indices is a strided view; only dense, row-major tensors are taken.",
            () => embedding.Forward(new ReadOnlyTensorSpan<int>(indices, [2], [2]), new TensorSpan<float>(output.AsSpan(0, 12), [2, 6])));

        // Without gaps, but column by column.
        Message(
            "indices is a strided view; only dense, row-major tensors are taken.",
            () => embedding.Forward(new ReadOnlyTensorSpan<int>(indices, [2, 2], [1, 2]), new TensorSpan<float>(output.AsSpan(0, 24), [2, 2, 6])));
        Message(
            "output is a strided view; only dense, row-major tensors are taken.",
            () => embedding.Forward(new ReadOnlyTensorSpan<int>(indices, [4]), new TensorSpan<float>(output.AsSpan(0, 24), [4, 6], [1, 4])));
    }

    [Fact]
    public void Memory_that_is_input_and_output_at_once_is_refused()
    {
        using Embedding embedding = new(5, 2, seed: 1);
        float[] shared = new float[8];
        Message("indices overlaps output", () => embedding.Forward(MemoryMarshal.Cast<float, int>(shared.AsSpan(3, 2)), shared.AsSpan(0, 4)));
        Message("output overlaps the table", () => embedding.Forward<int>([1], Writable(embedding.Weight.GetRow(1))));
        Message("prediction overlaps gradient", () => Loss.MeanSquaredError(shared.AsSpan(0, 3), new float[3], shared.AsSpan(2, 3)));
        Message("left overlaps product", () => MatrixMultiplication.Forward(shared.AsSpan(0, 2), new float[4], 2, shared.AsSpan(0, 2)));
        embedding.Forward<int>([], shared.AsSpan(0, 0));
    }

    [Fact]
    public void Sizes_out_of_range_are_refused_with_the_bytes_they_would_take()
    {
        Assert.Equal("rows", Assert.Throws<ArgumentOutOfRangeException>(() => new EmbeddingTable(-1, 4)).ParamName);
        Assert.Equal("dim", Assert.Throws<ArgumentOutOfRangeException>(() => new EmbeddingTable(1, -1)).ParamName);
        Assert.Equal("codec", Assert.Throws<ArgumentOutOfRangeException>(() => new EmbeddingTable(1, 1, (RowCodec)99)).ParamName);
        Assert.Equal("numEmbeddings", Assert.Throws<ArgumentOutOfRangeException>(() => new Embedding(-1, 4, seed: 1)).ParamName);
        Assert.Equal("embeddingDim", Assert.Throws<ArgumentOutOfRangeException>(() => new Embedding(4, -4, seed: 1)).ParamName);

        // Products that wrap around in 32 or 64 bits must not become small allocations.
        Assert.Contains("79228162477370849437534912516 bytes", Assert.Throws<InsufficientMemoryException>(() => new EmbeddingTable(long.MaxValue, int.MaxValue)).Message, StringComparison.Ordinal);
        Assert.Contains("18446744073709551616 bytes", Assert.Throws<InsufficientMemoryException>(() => new EmbeddingTable(1L << 32, 1 << 30)).Message, StringComparison.Ordinal);
        Assert.Contains("4611686018427387904 bytes", Assert.Throws<InsufficientMemoryException>(() => new EmbeddingTable(1L << 60, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_are_checked_by_every_accessor()
    {
        using EmbeddingTable table = new(3, 2);
        Message<ArgumentOutOfRangeException>("row = 3; the table has rows 0 to 2.", () => table.GetRow(3));
        Message<ArgumentOutOfRangeException>("row = -1; the table has rows 0 to 2.", () => table.SetRow(-1, new float[2]));
        Message<ArgumentOutOfRangeException>("row = 4294967296; the table has rows 0 to 2.", () => table.CopyRowTo(1L << 32, new float[2]));
        Message<ArgumentOutOfRangeException>("row = 5; the table has rows 0 to 2.", () => table.Edit().GetRow(5));
    }

    [Fact]
    public void Index_types_without_a_kernel_are_refused_by_name()
    {
        using Embedding embedding = new(3, 2, seed: 1);
        Message("indices of type Int16 are not supported; use int, long, byte, ushort or uint.", () => embedding.Forward<short>([1], new float[2]));
    }

    [Fact]
    public void A_frozen_embedding_says_how_to_unfreeze_it()
    {
        using Embedding frozen = Embedding.FromPretrained(new EmbeddingTable(3, 2));
        using EmbeddingGradient gradient = frozen.CreateGradient();
        Message<InvalidOperationException>("the embedding is frozen: create it with FromPretrained(weight, freeze: false)", () => frozen.Backward<int>([1], new float[2], gradient));
    }

    [Fact]
    public void A_gradient_or_optimizer_of_another_table_is_refused()
    {
        using Embedding embedding = new(3, 2, seed: 1), other = new(3, 2, seed: 1);
        using EmbeddingGradient gradient = other.CreateGradient();
        using Sgd optimizer = new(embedding.Weight, new SgdOptions());
        Message("the gradient belongs to another table.", () => embedding.Backward<int>([1], new float[2], gradient));
        Message("the table of gradients was not added to this optimizer: call Add(table) first.", () => optimizer.Step(gradient));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(-1f)]
    [InlineData(float.PositiveInfinity)]
    public void A_learning_rate_that_is_no_step_is_refused(float rate)
    {
        Message<ArgumentOutOfRangeException>("LearningRate", () => _ = new Sgd(new SgdOptions { LearningRate = rate }));
        using Sgd optimizer = new(new SgdOptions());
        Message<ArgumentOutOfRangeException>("LearningRate", () => optimizer.LearningRate = rate);
        Assert.Equal(0.001f, optimizer.LearningRate);
    }

    [Fact]
    public void After_Dispose_every_member_says_so()
    {
        Embedding embedding = new(3, 2, seed: 1);
        EmbeddingTable table = embedding.Weight;
        SparseGradient sparse = new(table);
        DenseGradient dense = new(table);
        Sgd optimizer = new(table, new SgdOptions());
        embedding.Dispose();
        embedding.Dispose();
        Action[] calls =
        [
            () => embedding.Forward<int>([1], new float[2]),
            () => embedding.Forward<int>([], []),
            () => embedding.Backward<int>([1], new float[2], sparse),
            () => embedding.CreateGradient(),
            () => table.GetRow(0),
            () => table.CopyRowTo(0, new float[2]),
            () => table.SetRow(0, new float[2]),
            () => table.AsTensorSpan(),
            () => table.Edit(),
            () => optimizer.Step(sparse),
            () => optimizer.Add(table),
        ];
        Assert.All(calls, call => Assert.Throws<ObjectDisposedException>(call));

        sparse.Dispose();
        dense.Dispose();
        dense.Dispose();
        Action[] gradientCalls =
        [
            () => sparse.Clear(), () => dense.Clear(), () => _ = sparse.Rows, () => _ = sparse.Values, () => sparse.GetValues(0), () => dense.AsTensorSpan(),
        ];
        Assert.All(gradientCalls, call => Assert.Throws<ObjectDisposedException>(call));
        optimizer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => optimizer.Step(sparse));
    }

    private static Span<float> Writable(ReadOnlySpan<float> span) => MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(span), span.Length);

    private static void Message(string start, Action call) => Message<ArgumentException>(start, call);

    private static void Message<TException>(string start, Action call)
        where TException : Exception =>
        Assert.StartsWith(start, Assert.Throws<TException>(call).Message, StringComparison.Ordinal);
}
