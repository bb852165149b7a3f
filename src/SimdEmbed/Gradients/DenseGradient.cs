using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using SimdEmbed.Gradients;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>A gradient of the table's own shape: PyTorch's <c>sparse=False</c>.</summary>
/// <remarks>
/// It remembers which rows it touched, so that overwriting clears those and not the whole table: the others are zeros already.
/// </remarks>
public sealed unsafe class DenseGradient : EmbeddingGradient
{
    private AlignedMemory? _values;

    /// <summary>Creates a gradient of zeros.</summary>
    /// <param name="table">The table it belongs to.</param>
    /// <exception cref="InsufficientMemoryException">There is no memory for another table of that size.</exception>
    /// <exception cref="ObjectDisposedException"><paramref name="table"/> was disposed.</exception>
    public DenseGradient(EmbeddingTable table)
        : base(table)
    {
        _values = new AlignedMemory(
            (UInt128)table.RowCount * (UInt128)Float32.RowBytes(table.Dim), $"a dense gradient of {table.RowCount} x {table.Dim}");
        _values.Clear();
    }

    /// <summary><c>[RowCount, Dim]</c>, where it lies; valid until the gradient is next written, cleared or disposed.</summary>
    /// <returns>A dense, read-only tensor that may exceed 2^31 elements.</returns>
    /// <exception cref="ObjectDisposedException">The gradient was disposed.</exception>
    public ReadOnlyTensorSpan<float> AsTensorSpan() =>
        new((float*)Owned(_values).Start, (nint)Table.RowCount * Table.Dim, [(nint)Table.RowCount, Table.Dim]);

    /// <inheritdoc/>
    public override void Clear()
    {
        byte* values = Owned(_values).Start;
        nint rowBytes = Float32.RowBytes(Table.Dim);
        long* rows = TouchedRows;
        for (int i = 0; i < TouchedCount; i++) NativeMemory.Clear(values + ((nint)rows[i] * rowBytes), (nuint)rowBytes);
        TouchedCount = 0;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _values?.Dispose();
        _values = null;
        base.Dispose();
    }

    internal override GradientRows OpenTouched()
    {
        RowView values = RowView.Dense((float*)Owned(_values).Start, Table.RowCount, Table.Dim);
        return new GradientRows(TouchedRows, TouchedCount, values, TouchedRows);
    }

    private protected override void MakeRoom(long* slots, int count)
    {
        // Every row has its place, and the rows never touched are zeros.
    }
}
