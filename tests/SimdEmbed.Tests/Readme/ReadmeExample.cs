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

    public static (float[] Vectors, long Unknown) LookUp()
    {
        // <example>
        // Padding, a limit on norms, and indices that are no rows
        var options = new EmbeddingOptions { PaddingIndex = 0, MaxNorm = 2, RenormTarget = RenormTarget.Output, UnknownIndices = UnknownIndexPolicy.Zeros };
        using var items = new Embedding(numEmbeddings: 1_000, embeddingDim: 16, seed: 1, options);
        float[] vectors = new float[4 * items.EmbeddingDim];
        items.Forward<long>([0, 7, 999, -5], vectors);
        Console.WriteLine($"{items}: {items.UnknownIndexCount} unknown");
        // </example>
        return (vectors, items.UnknownIndexCount);
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

    public static float Factorise(Embedding people, Embedding films, EmbeddingGradient peopleGradient, EmbeddingGradient filmsGradient, Adam adam)
    {
        // <example>
        // One step of matrix factorisation: squared error of dot products
        int[] users = [3, 1, 4], movies = [1, 5, 9];
        float[] ratings = [4, 3, 5], predicted = new float[3], errorGradient = new float[3];
        EmbeddingDot.Forward<int>(people, users, films, movies, predicted);
        float error = Loss.MeanSquaredError(predicted, ratings, errorGradient);
        EmbeddingDot.Backward<int>(people, users, films, movies, errorGradient, peopleGradient, filmsGradient);
        adam.Step([peopleGradient, filmsGradient]);
        // </example>
        return error;
    }

    public static void SaveAndLoad(Embedding embedding, Optimizer optimizer)
    {
        // <example>
        // Model, optimizer and step in one file: survives a kill at any instant, and a loss of power
        SavedCheckpoint saved = Checkpoint.Save("run", embedding, optimizer);
        LoadedCheckpoint loaded = Checkpoint.Load("run", embedding, optimizer);

        // Any format in, any format out; what a file holds is listed without reading it
        using TableFile file = TableFile.Open("model.pth");
        foreach (TensorInfo tensor in file.Tensors) Console.WriteLine(tensor);
        file.SaveAs("model.safetensors", TableFileFormat.Safetensors);
        // </example>
        Xunit.Assert.Equal(saved.Generation, loaded.Generation);
    }

    public static QuantizationReport Quantise(EmbeddingTable table, float[] row)
    {
        // <example>
        // A quarter of the bytes, looked up and pooled as it is; the report says what that cost
        using EmbeddingTable compact = table.ConvertTo(RowCodec.Int8);
        QuantizationReport report = QuantizationReport.Compare(table, compact);
        using var small = Embedding.FromPretrained(compact, leaveOpen: true);
        Console.WriteLine($"{report.BytesBefore} -> {report.BytesAfter} bytes, mean cosine {report.MeanCosine:F4}");
        // </example>
        small.Forward<int>([1], row);
        return report;
    }

    public static void Map(float[] row)
    {
        // <example>
        // A table that is the file: opens at once, whatever its size, and processes share its memory
        using TableFile file = TableFile.Open("model.safetensors");
        using var mapped = Embedding.FromPretrained(file.MapTable("emb.weight"));
        // </example>
        mapped.Forward<int>([1], row);
    }
}
