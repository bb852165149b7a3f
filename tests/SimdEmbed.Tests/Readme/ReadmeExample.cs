namespace SimdEmbed.Tests.Readme;

/// <summary>The README's examples, each between two markers; a test compares the texts and runs them.</summary>
internal static class ReadmeExample
{
    public static (float[] Output, float[] Trained, float[] Served) Run(float[] outputGradient)
    {
        // <example>
        // Look up: [2, 4] indices -> [2, 4, 6] output
        using var embedding = new Embedding(numEmbeddings: 100, embeddingDim: 6, seed: 1);
        int[] indices = [1, 2, 4, 5, 4, 3, 2, 3];
        float[] output = new float[indices.Length * embedding.EmbeddingDim];
        embedding.Forward<int>(indices, output);

        // Train: Backward overwrites its destination (accumulate: true adds, as PyTorch does)
        using var gradient = embedding.CreateGradient();
        using var optimizer = new Sgd(embedding.Weight, new SgdOptions { LearningRate = 0.015f });
        embedding.Backward<int>(indices, outputGradient, gradient);
        optimizer.Step(gradient);

        // Keep and reload: PyTorch opens this file, and we open PyTorch's
        PyTorchCheckpoint.Save("embedding.pth", new StateDict { ["emb.weight"] = embedding.Weight });
        using var served = Embedding.FromPretrained(PyTorchCheckpoint.LoadTable("embedding.pth", "emb.weight"));
        // </example>
        return (output, Support.TestTable.Values(embedding.Weight), Support.TestTable.Values(served.Weight));
    }

    public static (float[] Pooled, float[] Weights, float[] Gradient) Bags(float[] outputGradient)
    {
        // <example>
        // Bags of any length, one of them empty -> one row each: [3, 6]
        using var clicks = new EmbeddingBag(numEmbeddings: 100, embeddingDim: 6, seed: 1, Pooling.Mean, new EmbeddingOptions { Sparse = true });
        int[] items = [1, 2, 4, 5, 4, 3, 2, 3], offsets = [0, 3, 3];
        float[] pooled = new float[offsets.Length * clicks.EmbeddingDim];
        clicks.Forward(Bags<int>.FromOffsets(items, offsets), pooled);

        // With a weight per item, whose gradient comes with the table's
        float[] weights = [1, 1, 2, 1, 1, 0.5f, 1, 1], weightsGradient = new float[items.Length];
        using var touched = clicks.CreateGradient();
        clicks.Backward(
            Bags<int>.FromOffsets(items, offsets).WithWeights(weights), outputGradient, touched, weightsGradient: weightsGradient);
        // </example>
        return (pooled, Support.TestTable.Values(clicks.Weight), weightsGradient);
    }

    public static void Learn(EmbeddingBag clicks, int[] items, int[] offsets, float[] outputGradient)
    {
        // <example>
        // Learn online: sort, sum and update in one pass, without a gradient in between
        using var adagrad = new Adagrad(clicks.Weight, new AdagradOptions { LearningRate = 0.05f, ClipNorm = 1, Degree = 2 });
        adagrad.Step(clicks, Bags<int>.FromOffsets(items, offsets), outputGradient);
        // </example>
    }
}
