using SimdEmbed.Internals;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Optimizers;

/// <summary>No step allocates, on one thread or on several.</summary>
[Collection(AloneInTheProcess.Name)]
public sealed class OptimizerAllocationTests
{
    public static TheoryData<string, bool, int, RowCodec> Modes()
    {
        TheoryData<string, bool, int, RowCodec> modes = [];
        foreach (OptimizerRule rule in OptimizerRule.All)
        {
            foreach (bool sparse in new[] { true, false })
            {
                modes.Add(rule.Name, sparse, 1, RowCodec.Float32);
                modes.Add(rule.Name, sparse, 3, RowCodec.Float32);
                modes.Add(rule.Name, sparse, 1, RowCodec.Float16);
                modes.Add(rule.Name, sparse, 3, RowCodec.BFloat16);
            }
        }

        return modes;
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void No_step_allocates(string name, bool sparse, int degree, RowCodec codec)
    {
        int before = WorkerSet.MaxDegree;
        WorkerSet.MaxDegree = 3;
        Random random = new(1);
        using EmbeddingTable floats = EmbeddingTable.Create(500, 40, Initializer.Normal(1));
        using EmbeddingTable table = floats.ConvertTo(codec);
        using Embedding embedding = new(table, new EmbeddingOptions { Sparse = sparse }, leaveOpen: true);
        using EmbeddingBag bag = new(table, Pooling.Mean, new EmbeddingOptions { Sparse = sparse }, leaveOpen: true);
        using EmbeddingGradient gradient = embedding.CreateGradient();
        int[] indices = [.. Enumerable.Range(0, 1000).Select(_ => random.Next(500))];
        float[] outputGradient = [.. Enumerable.Range(0, 1000 * 40).Select(_ => random.NextSingle())];
        EmbeddingGradient[] gradients = [gradient];
        for (int seed = 0; seed < 4; seed++)
        {
            using Optimizer optimizer = OptimizerRule.All.Single(rule => rule.Name == name).Create(new OptimizerKnobs(new Random(seed), 0.1f, throws: false), degree);
            optimizer.Add(table);
            AssertNone(() =>
            {
                embedding.Backward<int>(indices, outputGradient, gradient);
                optimizer.Step(gradient);
                optimizer.Step(gradients);
                optimizer.Step<int>(embedding, indices, outputGradient);
                optimizer.Step(bag, Bags<int>.FixedLength(indices, 20), outputGradient.AsSpan(0, 50 * 40));
            });
        }

        WorkerSet.MaxDegree = before;
    }

    [Theory]
    [InlineData(Pooling.Sum)]
    [InlineData(Pooling.Mean)]
    [InlineData(Pooling.Max)]
    public void Lookups_and_bags_on_threads_allocate_nothing_anywhere(Pooling pooling)
    {
        EmbeddingOptions options = new() { Degree = 2 };
        int[] indices = [.. Enumerable.Range(0, 4096).Select(static i => i * 7 % 1000)];
        int[] offsets = [.. Enumerable.Range(0, 64).Select(static i => i * 64)];
        float[] rows = new float[indices.Length * 32];
        float[] pooled = new float[offsets.Length * 32];
        long[] winners = pooling == Pooling.Max ? new long[pooled.Length] : [];
        using Embedding embedding = new(1000, 32, seed: 1, options);
        using EmbeddingBag bag = new(embedding.Weight, pooling, options, leaveOpen: true);
        AssertNone(() =>
        {
            embedding.Forward<int>(indices, rows);
            bag.Forward(Bags<int>.FromOffsets(indices, offsets), pooled, winners);
        });
    }

    /// <remarks>A recompilation of a hot loop may allocate once, so a round that saw an allocation is repeated.</remarks>
    private static void AssertNone(Action call)
    {
        const int Calls = 60;
        for (int i = 0; i < 30; i++) call();
        long managed = 0;
        long native = 0;
        for (int round = 0; round < 8; round++)
        {
            native = NativeBytes.Live;
            managed = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < Calls; i++) call();
            managed = GC.GetTotalAllocatedBytes(precise: true) - managed;
            native = NativeBytes.Live - native;
            if (managed == 0 && native == 0) return;
        }

        Assert.Fail($"{Calls} steps allocate {managed} managed and {native} native bytes");
    }
}
