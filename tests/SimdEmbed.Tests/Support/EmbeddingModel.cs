using SimdEmbed.Kernels;
using SimdEmbed.Reference;

namespace SimdEmbed.Tests.Support;

/// <summary>A use of <see cref="Embedding"/>.</summary>
internal sealed class EmbeddingModel : Model
{
    private readonly float[] _outputGradient;

    public EmbeddingModel(int seed)
        : base(seed) => _outputGradient = Values(Indices.Length * Dim);

    public static string[] Classes => CommonClasses;

    protected override void Check<TIndex>()
    {
        TIndex[] indices = IndicesAs<TIndex>();
        using Embedding embedding = new(TestTable.From(Weight, Rows, Dim), Options);
        using SparseGradient sparse = new(embedding.Weight);
        using DenseGradient dense = new(embedding.Weight);
        Canary output = new(Indices.Length * Dim);
        if (Planted >= 0)
        {
            Refused(() => embedding.Forward<TIndex>(indices, output.Span));
            Refused(() => embedding.Backward<TIndex>(indices, _outputGradient, sparse));
            Refused(() => embedding.Backward<TIndex>(indices, _outputGradient, dense));
            output.AssertUntouched();
            BitEqual.AssertSameBits(Weight, TestTable.Values(embedding.Weight), "weight");
            CheckGradients(new float[Rows * Dim], [], dense, sparse);
            return;
        }

        float[] expectedWeight = [.. Weight];
        float[] expected = ReferenceEmbedding.Forward(expectedWeight, Rows, Dim, Indices, Reference, FixedMath.Pow);
        embedding.Forward<TIndex>(indices, output.Span);
        if (Options.MaxNorm is null) BitEqual.AssertSameBits(expected, output.Span, "output");
        else BitEqual.Assert(expected, output.Span, "output");
        output.AssertIntact();
        BitEqual.Assert(expectedWeight, TestTable.Values(embedding.Weight), "weight");
        Require(embedding.UnknownIndexCount == Indices.Count(i => i < 0 || i >= Rows), "the count of unknown indices is wrong");

        embedding.Backward<TIndex>(indices, _outputGradient, sparse);
        embedding.Backward<TIndex>(indices, _outputGradient, dense);
        float[] expectedGradient = ReferenceEmbedding.Backward(Rows, Dim, Indices, _outputGradient, Reference);
        CheckGradients(expectedGradient, ReferenceEmbedding.TouchedRows(Indices, Rows, Reference), dense, sparse);
        BitEqual.Assert(expectedWeight, TestTable.Values(embedding.Weight), "weight after backward");

        // Another batch, whose first and last row may be new: added to what is there.
        long[] others = [0, Rows - 1, 0];
        float[] ones = [.. Enumerable.Repeat(1f, others.Length * Dim)];
        TIndex[] otherIndices = Array.ConvertAll(others, TIndex.CreateTruncating);
        embedding.Backward<TIndex>(otherIndices, ones, sparse, accumulate: true);
        embedding.Backward<TIndex>(otherIndices, ones, dense, accumulate: true);
        float[] added = ReferenceEmbedding.Backward(Rows, Dim, others, ones, Reference);
        long[] touched = ReferenceEmbedding.TouchedRows([.. Indices, .. others], Rows, Reference);
        CheckGradients([.. expectedGradient.Zip(added, (first, second) => first + second)], touched, dense, sparse);
    }
}
