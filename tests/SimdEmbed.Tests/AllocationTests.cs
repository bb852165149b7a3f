using System.Numerics.Tensors;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests;

/// <summary>Promise 1: no call allocates, to the byte, once one as large has been made.</summary>
public sealed class AllocationTests
{
    private readonly int[] _narrow = [1, 2, 4, 5, 4, 3, 2, 3];
    private readonly long[] _wide = [1, 2, 4, 5, 4, 3, 2, 3];
    private readonly float[] _rows = new float[8 * 6];

    [Fact]
    public void Forward_allocates_nothing()
    {
        using Embedding embedding = new(100, 6, seed: 1);
        Allocations.AssertNone(() => embedding.Forward<int>(_narrow, _rows));
        Allocations.AssertNone(() => embedding.Forward<long>(_wide, _rows));
        Allocations.AssertNone(() => embedding.Forward(
            new ReadOnlyTensorSpan<int>(_narrow, [2, 4]), new TensorSpan<float>(_rows, [2, 4, 6])));
    }

    [Fact]
    public void New_weights_allocate_nothing()
    {
        using Embedding embedding = new(100, 6, seed: 1, new EmbeddingOptions { PaddingIndex = 3 });
        Allocations.AssertNone(() => embedding.ResetParameters(2));
        Assert.Equal([0, 0, 0, 0, 0, 0], embedding.Weight.GetRow(3));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Backward_and_step_allocate_nothing(bool sparse)
    {
        using Embedding embedding = new(100, 6, seed: 1, new EmbeddingOptions { Sparse = sparse });
        using EmbeddingGradient gradient = embedding.CreateGradient();
        using Sgd optimizer = new(embedding.Weight, new SgdOptions());
        Allocations.AssertNone(() =>
        {
            embedding.Backward<int>(_narrow, _rows, gradient);
            embedding.Backward<long>(_wide, _rows, gradient, accumulate: true);
            optimizer.Step(gradient);
            gradient.Clear();
        });
    }

    [Fact]
    public void A_large_batch_allocates_nothing_either()
    {
        Random random = new(1);
        int[] indices = [.. Enumerable.Range(0, 5000).Select(_ => random.Next(3000))];
        float[] rows = new float[indices.Length * 32];
        using Embedding embedding = new(3000, 32, seed: 1, new EmbeddingOptions { Sparse = true });
        using EmbeddingGradient gradient = embedding.CreateGradient();
        embedding.Backward<int>(indices, rows, gradient);
        int calls = 0;
        Allocations.AssertNone(() =>
        {
            // Shorter batches with other rows: steady state is a matter of the largest call, not of equal ones.
            int count = 5000 - (calls++ % 7);
            embedding.Forward<int>(indices.AsSpan(0, count), rows.AsSpan(0, count * 32));
            embedding.Backward<int>(indices.AsSpan(0, count), rows.AsSpan(0, count * 32), gradient);
        });
    }

    [Fact]
    public void Losses_products_and_rows_allocate_nothing()
    {
        float[] vector = [1, 2, 3, 4, 5, 6], product = new float[8], gradient = new float[8], rowsGradient = new float[48], vectorGradient = new float[6];
        using EmbeddingTable table = new(10, 6);
        Allocations.AssertNone(() =>
        {
            MatrixMultiplication.Forward(_rows, vector, 6, product);
            Loss.MeanSquaredError(product, gradient, rowsGradient.AsSpan(0, 8));
            MatrixMultiplication.Backward(_rows, vector, 6, product, rowsGradient, vectorGradient);
            table.SetRow(3, vector);
            table.CopyRowTo(3, vector);
            using TableEdit edit = table.Edit();
            edit.GetRow(2)[0] = table.GetRow(3)[1];
        });
    }

    public static TheoryData<Pooling, bool, bool, int> BagModes()
    {
        TheoryData<Pooling, bool, bool, int> modes = [];
        foreach (Pooling pooling in Enum.GetValues<Pooling>())
        {
            foreach (bool sparse in new[] { false, true })
            {
                for (int renorm = 0; renorm < 3; renorm++)
                {
                    modes.Add(pooling, false, sparse, renorm);
                    if (pooling != Pooling.Max) modes.Add(pooling, true, sparse, renorm);
                }
            }
        }

        return modes;
    }

    [Theory]
    [MemberData(nameof(BagModes))]
    public void Bags_allocate_nothing(Pooling pooling, bool weighted, bool sparse, int renorm)
    {
        EmbeddingOptions options = new()
        {
            Sparse = sparse,
            PaddingIndex = 2,
            UnknownIndices = UnknownIndexPolicy.Zeros,
            ScaleGradByFrequency = true,
            MaxNorm = renorm == 0 ? null : 1,
            RenormTarget = renorm == 1 ? RenormTarget.Table : RenormTarget.Output,
        };
        using EmbeddingBag bag = new(100, 6, seed: 1, pooling, options);
        using EmbeddingGradient gradient = bag.CreateGradient();
        byte[] bytes = [1, 2, 4, 5, 4, 200, 2, 3];
        int[] offsets = [0, 3, 3];
        float[] weights = [1, 2, 3, 4, 5, 6, 7, 8], weightsGradient = new float[weighted ? 8 : 0], output = new float[18];
        long[] winners = new long[pooling == Pooling.Max ? 18 : 0];
        Allocations.AssertNone(() =>
        {
            Bags<int> bags = Bags<int>.FromOffsets(_narrow, offsets);
            if (weighted) bags = bags.WithWeights(weights);
            bag.Forward(bags, output, winners);
            bag.Backward(bags, output, gradient, winners, weightsGradient);
            bag.Backward(bags, output, gradient, winners, accumulate: true);
            Bags<byte> narrow = Bags<byte>.FromOffsets(bytes, offsets);
            if (weighted) narrow = narrow.WithWeights(weights);
            bag.Forward(narrow, output, winners);
            bag.Backward(narrow, output, gradient, winners, weightsGradient);
        });
    }

    public static TheoryData<RowCodec, Pooling, bool> CompactModes()
    {
        TheoryData<RowCodec, Pooling, bool> modes = [];
        foreach (RowCodec codec in Enum.GetValues<RowCodec>())
        {
            foreach (Pooling pooling in Enum.GetValues<Pooling>())
            {
                modes.Add(codec, pooling, false);
                modes.Add(codec, pooling, true);
            }
        }

        return modes;
    }

    [Theory]
    [MemberData(nameof(CompactModes))]
    public void Compact_tables_allocate_nothing(RowCodec codec, Pooling pooling, bool limited)
    {
        using EmbeddingTable floats = EmbeddingTable.Create(100, 37, Initializer.Normal(1));
        using EmbeddingTable table = floats.ConvertTo(codec);
        EmbeddingOptions options = new()
        {
            PaddingIndex = 2,
            UnknownIndices = UnknownIndexPolicy.Zeros,
            MaxNorm = limited ? 1 : null,
            RenormTarget = RenormTarget.Output,
        };
        using Embedding embedding = new(table, options, leaveOpen: true);
        using Embedding plain = Embedding.FromPretrained(table, leaveOpen: true);
        using EmbeddingBag bag = new(table, pooling, options, leaveOpen: true);
        byte[] bytes = [1, 2, 4, 5, 4, 200, 2, 3];
        int[] offsets = [0, 3, 3];
        float[] weights = [1, 2, 3, 4, 5, 6, 7, 8], output = new float[8 * 37], row = new float[37];
        long[] winners = new long[pooling == Pooling.Max ? 3 * 37 : 0];
        Allocations.AssertNone(() =>
        {
            plain.Forward<int>(_narrow, output);
            plain.Forward<long>(_wide, output);
            embedding.Forward<byte>(bytes, output);
            bag.Forward(Bags<int>.FromOffsets(_narrow, offsets), output.AsSpan(0, 3 * 37), winners);
            Bags<byte> bags = Bags<byte>.FromOffsets(bytes, offsets);
            if (pooling != Pooling.Max) bags = bags.WithWeights(weights);
            bag.Forward(bags, output.AsSpan(0, 3 * 37), winners);
            table.CopyRowTo(3, row);
            table.SetRow(3, row);
        });
    }
}
