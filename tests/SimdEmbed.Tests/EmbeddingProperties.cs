using System.Globalization;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using SimdEmbed.Reference;
using SimdEmbed.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace SimdEmbed.Tests;

/// <summary>The library against the naive reference, bit for bit, on generated batches; run again at every vector width.</summary>
[Trait("Category", "Property")]
public sealed class EmbeddingProperties(ITestOutputHelper output)
{
    // A fixed seed: a run can be repeated, and a failure is one for everybody.
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(Cases).WithReplay(20261123, 2026112301);

    private static int Cases => Environment.GetEnvironmentVariable("SIMDEMBED_CASES") is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : 1500;

    [Fact]
    public void Vectors_have_the_width_this_run_was_asked_for()
    {
        string? bits = Environment.GetEnvironmentVariable("SIMDEMBED_VECTOR_BITS");
        output.WriteLine($"Vector<float>.Count = {Vector<float>.Count}, accelerated: {Vector.IsHardwareAccelerated}");
        if (bits == "scalar") Assert.False(Vector.IsHardwareAccelerated);
        else if (bits is not null) Assert.Equal(bits, (Vector<byte>.Count * 8).ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Forward_copies_the_bits_of_the_reference()
    {
        Coverage coverage = NewCoverage();
        Check.One(s_config, Prop.ForAll(BatchCase.Generator.ToArbitrary(), batch =>
        {
            Note(coverage, batch);
            using Embedding embedding = new(TestTable.From(batch.Weight, batch.Rows, batch.Dim));
            Canary actual = new(batch.Indices.Length * batch.Dim);
            if (batch.Narrow) embedding.Forward<int>(batch.NarrowIndices, actual.Span);
            else embedding.Forward<long>(batch.Indices, actual.Span);
            BitEqual.AssertSameBits(ReferenceEmbedding.Forward(batch.Weight, batch.Dim, batch.Indices), actual.Span);
            actual.AssertIntact();
        }));
        coverage.AssertComplete(output);
    }

    [Fact]
    public void Backward_sums_in_the_order_of_the_reference()
    {
        Coverage coverage = NewCoverage();
        Check.One(s_config, Prop.ForAll(BatchCase.Generator.ToArbitrary(), batch =>
        {
            Note(coverage, batch);
            using Embedding embedding = new(TestTable.From(batch.Weight, batch.Rows, batch.Dim));
            using SparseGradient sparse = new(embedding.Weight);
            using DenseGradient dense = new(embedding.Weight);
            float[] expected = ReferenceEmbedding.Backward(batch.Rows, batch.Dim, batch.Indices, batch.OutputGradient);

            // Written over another batch's gradient, and then added to it: both start from what is there.
            Backward(embedding, batch with { Indices = [batch.Rows - 1], OutputGradient = Ones(batch.Dim) }, sparse, dense, false);
            Backward(embedding, batch, sparse, dense, false);
            AssertGradient(expected, batch, sparse, dense, ReferenceEmbedding.TouchedRows(batch.Indices));

            Backward(embedding, batch with { Indices = [0, batch.Rows - 1, 0], OutputGradient = Ones(3 * batch.Dim) }, sparse, dense, true);
            float[] added = ReferenceEmbedding.Backward(batch.Rows, batch.Dim, [0, batch.Rows - 1, 0], Ones(3 * batch.Dim));
            float[] both = new float[expected.Length];
            for (int i = 0; i < both.Length; i++) both[i] = expected[i] + added[i];
            AssertGradient(both, batch, sparse, dense, ReferenceEmbedding.TouchedRows([.. batch.Indices, 0, batch.Rows - 1]));
        }));
        coverage.AssertComplete(output);
    }

    [Fact]
    public void A_step_of_Sgd_is_that_of_the_reference()
    {
        Coverage coverage = NewCoverage();
        Check.One(s_config, Prop.ForAll(BatchCase.Generator.ToArbitrary(), batch =>
        {
            Note(coverage, batch);
            using Embedding first = new(TestTable.From(batch.Weight, batch.Rows, batch.Dim));
            using Embedding second = new(TestTable.From(batch.Weight, batch.Rows, batch.Dim));
            using SparseGradient sparse = new(first.Weight);
            using DenseGradient dense = new(second.Weight);
            first.Backward<long>(batch.Indices, batch.OutputGradient, sparse);
            second.Backward<long>(batch.Indices, batch.OutputGradient, dense);
            using Sgd optimizer = new(first.Weight, new SgdOptions { LearningRate = 0.1f });
            optimizer.Add(second.Weight);
            optimizer.Step(sparse);
            optimizer.Step(dense);

            float[] expected = [.. batch.Weight];
            float[] gradient = ReferenceEmbedding.Backward(batch.Rows, batch.Dim, batch.Indices, batch.OutputGradient);
            ReferenceMath.Sgd(expected, gradient, batch.Dim, ReferenceEmbedding.TouchedRows(batch.Indices), 0.1f);
            BitEqual.Assert(expected, TestTable.Values(first.Weight), "sparse weight");
            BitEqual.Assert(expected, TestTable.Values(second.Weight), "dense weight");
        }));
        coverage.AssertComplete(output);
    }

    [Fact]
    public void Losses_and_products_are_those_of_the_reference()
    {
        Check.One(s_config, Prop.ForAll(BatchCase.Generator.ToArbitrary(), batch =>
        {
            float[] prediction = batch.OutputGradient;
            float[] target = [.. prediction.Select((value, i) => (value * 0.5f) + i)];
            Canary gradient = new(prediction.Length);
            float loss = Loss.MeanSquaredError(prediction, target, gradient.Span);
            Assert.True(BitEqual.Values(ReferenceMath.MeanSquaredError(prediction, target), loss));
            BitEqual.Assert(ReferenceMath.MeanSquaredErrorGradient(prediction, target), gradient.Span, "loss gradient");
            gradient.AssertIntact();

            // [n, dim] x [dim, m], with m around a vector's width.
            int n = int.Min(batch.Indices.Length, 20);
            int m = 1 + (batch.Rows % 19);
            float[] left = prediction[..(n * batch.Dim)];
            float[] right = Repeat(batch.Weight, batch.Dim * m);
            float[] upper = Repeat(batch.Weight, n * m);
            Canary product = new(n * m), leftGradient = new(left.Length), rightGradient = new(right.Length);
            MatrixMultiplication.Forward(left, right, batch.Dim, product.Span);
            MatrixMultiplication.Backward(left, right, batch.Dim, upper, leftGradient.Span, rightGradient.Span);
            BitEqual.Assert(ReferenceMath.Product(left, right, n, batch.Dim, m), product.Span, "product");
            float[] rightTransposed = ReferenceMath.Transpose(right, batch.Dim, m);
            BitEqual.Assert(ReferenceMath.Product(upper, rightTransposed, n, m, batch.Dim), leftGradient.Span, "left gradient");
            float[] leftTransposed = ReferenceMath.Transpose(left, n, batch.Dim);
            float[] expected = n == 0 ? new float[right.Length] : ReferenceMath.Product(leftTransposed, upper, batch.Dim, n, m);
            BitEqual.Assert(expected, rightGradient.Span, "right gradient");
            product.AssertIntact();
            leftGradient.AssertIntact();
            rightGradient.AssertIntact();
        }));
    }

    private static void Backward(Embedding embedding, BatchCase batch, SparseGradient sparse, DenseGradient dense, bool accumulate)
    {
        if (batch.Narrow)
        {
            embedding.Backward<int>(batch.NarrowIndices, batch.OutputGradient, sparse, accumulate);
            embedding.Backward<int>(batch.NarrowIndices, batch.OutputGradient, dense, accumulate);
        }
        else
        {
            embedding.Backward<long>(batch.Indices, batch.OutputGradient, sparse, accumulate);
            embedding.Backward<long>(batch.Indices, batch.OutputGradient, dense, accumulate);
        }
    }

    private static void AssertGradient(float[] expected, BatchCase batch, SparseGradient sparse, DenseGradient dense, long[] touched)
    {
        float[] actual = new float[expected.Length];
        dense.AsTensorSpan().FlattenTo(actual);
        BitEqual.Assert(expected, actual, "dense gradient");
        Assert.Equal(touched, sparse.Rows.ToArray());
        Assert.Equal(touched.Length * batch.Dim, sparse.Values.Length);
        for (int i = 0; i < touched.Length; i++)
        {
            BitEqual.Assert(expected.AsSpan((int)touched[i] * batch.Dim, batch.Dim), sparse.GetValues(i), $"sparse gradient of row {touched[i]}");
        }
    }

    private static float[] Ones(int count) => [.. Enumerable.Repeat(1f, count)];

    private static float[] Repeat(float[] values, int count) => [.. Enumerable.Range(0, count).Select(i => values[i % values.Length])];

    private static Coverage NewCoverage() => new(
        ["empty batch", "one index", "duplicates", "distinct", "int", "long", "narrower than a vector", "whole vectors", "wider than eight vectors",
            .. Enumerable.Range(1, Vector<float>.Count - 1).Select(tail => $"tail of {tail}")]);

    private static void Note(Coverage coverage, BatchCase batch)
    {
        int width = Vector<float>.Count;
        int tail = batch.Dim % width;
        coverage.Note("empty batch", batch.Indices.Length == 0);
        coverage.Note("one index", batch.Indices.Length == 1);
        coverage.Note("duplicates", batch.HasDuplicates);
        coverage.Note("distinct", !batch.HasDuplicates);
        coverage.Note(batch.Narrow ? "int" : "long");
        coverage.Note("narrower than a vector", batch.Dim < width);
        coverage.Note("whole vectors", tail == 0);
        coverage.Note("wider than eight vectors", batch.Dim > 8 * width);
        if (tail > 0) coverage.Note($"tail of {tail}");
    }
}
