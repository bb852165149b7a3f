namespace SimdEmbed;

/// <summary>Writable rows of an <see cref="EmbeddingTable"/>, for the length of a <c>using</c> block.</summary>
/// <remarks>It lives on the stack, so that a writable span cannot be kept beyond the edit by accident.</remarks>
public readonly ref struct TableEdit : IDisposable
{
    private readonly EmbeddingTable _table;

    internal TableEdit(EmbeddingTable table) => _table = table;

    /// <summary>Row <paramref name="row"/> where it lies.</summary>
    /// <param name="row">0 to <c>RowCount - 1</c>.</param>
    /// <returns><c>[Dim]</c>, writable.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="row"/> is not a row.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public Span<float> GetRow(long row) => _table.WritableRow(row);

    /// <summary>Ends the edit.</summary>
    public void Dispose() => GC.KeepAlive(_table);
}
