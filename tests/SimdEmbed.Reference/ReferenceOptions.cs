namespace SimdEmbed.Reference;

/// <summary>The arguments of <c>nn.Embedding</c>, and what is beyond PyTorch, as plain values.</summary>
/// <param name="PaddingRow">The padding row, or -1.</param>
/// <param name="MaxNorm">The limit of a row's norm, or null.</param>
/// <param name="NormType">The p of the norm.</param>
/// <param name="LimitOutput">Whether the output is limited instead of the table.</param>
/// <param name="ScaleByFrequency">Whether a row's gradient is divided by how often the row occurs.</param>
/// <param name="UnknownReadsPadding">Whether an index that is no row reads as the padding row; otherwise as zeros.</param>
public sealed record ReferenceOptions(
    long PaddingRow = -1,
    float? MaxNorm = null,
    float NormType = 2,
    bool LimitOutput = false,
    bool ScaleByFrequency = false,
    bool UnknownReadsPadding = false);
