namespace SimdEmbed.Kernels;

/// <summary>
/// All a kernel knows of where rows live: row <c>i</c> starts at <c>Rows + i * Stride</c> and has <c>Dim</c> columns; its scale and
/// bias, where the codec has them, are at <c>Side + 2 * i</c>.
/// </summary>
internal readonly unsafe struct RowView(byte* rows, nint stride, long count, int dim, bool padded = false, float* side = null)
{
    public readonly byte* Rows = rows;
    public readonly nint Stride = stride;
    public readonly float* Side = side;
    public readonly long Count = count;
    public readonly int Dim = dim;

    /// <summary>Whether a whole vector may be read from any column: the bytes behind the last row are ours.</summary>
    public readonly bool Padded = padded;

    /// <summary>Rows of floats that lie side by side.</summary>
    public static RowView Dense(float* rows, long count, int dim) => new((byte*)rows, (nint)dim * sizeof(float), count, dim);
}
