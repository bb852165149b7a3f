namespace SimdEmbed.Cli;

/// <summary>Predictions from a table that went through a file; <c>SavedTo</c> is null when the file was there before.</summary>
internal sealed record ServingResult(
    string? SavedTo,
    string LoadedFrom,
    string Key,
    long Rows,
    int Dim,
    float[] Predictions,
    string HashBefore,
    string HashReloaded,
    string HashAfter,
    bool WeightsUnchanged);

/// <summary>A hundred predictions, one row each, and the proof that they left the weights alone.</summary>
internal static class ServingStep
{
    private const int Predictions = 100;

    public static ServingResult Run(Embedding served, float[] vector, string hashBefore, string? savedTo, string loadedFrom, string key)
    {
        string hashReloaded = TableHash.Of(served.Weight);
        float[] predictions = Predict(served, vector);
        string hashAfter = TableHash.Of(served.Weight);
        return new ServingResult(
            savedTo,
            loadedFrom,
            key,
            served.NumEmbeddings,
            served.EmbeddingDim,
            predictions,
            hashBefore,
            hashReloaded,
            hashAfter,
            WeightsUnchanged: hashBefore == hashReloaded && hashReloaded == hashAfter);
    }

    private static float[] Predict(Embedding served, float[] vector)
    {
        // Spread over the table; a small one is gone through again and again.
        long step = long.Max(1, served.NumEmbeddings / Predictions);
        float[] predictions = new float[Predictions];
        float[] row = new float[served.EmbeddingDim];
        for (int i = 0; i < Predictions; i++)
        {
            served.Forward<long>([i * step % served.NumEmbeddings], row);
            MatrixMultiplication.Forward(row, vector, served.EmbeddingDim, predictions.AsSpan(i, 1));
        }

        return predictions;
    }
}
