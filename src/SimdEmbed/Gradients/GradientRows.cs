using SimdEmbed.Kernels;

namespace SimdEmbed.Gradients;

/// <summary>Touched rows, each once, and where their gradients lie.</summary>
internal readonly unsafe ref struct GradientRows(long* rows, int count, RowView values, long* slots)
{
    public readonly long* Rows = rows;
    public readonly int Count = count;
    public readonly RowView Values = values;

    /// <summary>The row of <see cref="Values"/> for each touched row; null when they lie one after the other.</summary>
    public readonly long* Slots = slots;
}
