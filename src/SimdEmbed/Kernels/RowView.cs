namespace SimdEmbed.Kernels;

/// <summary>All a kernel knows of where rows live: row <c>i</c> starts at <c>Rows + i * Stride</c> and has <c>Dim</c> columns.</summary>
internal readonly unsafe struct RowView(byte* rows, nint stride, long count, int dim)
{
    public readonly byte* Rows = rows;
    public readonly nint Stride = stride;
    public readonly long Count = count;
    public readonly int Dim = dim;

    /// <summary>Rows of floats that lie side by side.</summary>
    public static RowView Dense(float* rows, long count, int dim) => new((byte*)rows, (nint)dim * sizeof(float), count, dim);
}
