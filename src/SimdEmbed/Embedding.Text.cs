using System.Globalization;
using System.Text;

namespace SimdEmbed;

/// <summary>What PyTorch's repr says of an embedding.</summary>
public sealed unsafe partial class Embedding
{
    /// <summary>What PyTorch's repr says: <c>Embedding(100, 6, padding_idx=0, max_norm=1.0)</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"Embedding({NumEmbeddings}, {EmbeddingDim}");
        if (PaddingIndex is { } padding) text.Append(CultureInfo.InvariantCulture, $", padding_idx={padding}");
        if (_options.MaxNorm is { } maxNorm) text.Append(", max_norm=").Append(Python(maxNorm));
        if (_options.NormType != 2) text.Append(", norm_type=").Append(Python(_options.NormType));
        if (_options.ScaleGradByFrequency) text.Append(", scale_grad_by_freq=True");
        if (_options.Sparse) text.Append(", sparse=True");
        return text.Append(')').ToString();
    }

    /// <summary>A float as Python writes it.</summary>
    internal static string Python(float value)
    {
        if (float.IsNaN(value)) return "nan";
        if (float.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        string text = value.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant();
        return text.AsSpan().ContainsAny('.', 'e') ? text : text + ".0";
    }
}
