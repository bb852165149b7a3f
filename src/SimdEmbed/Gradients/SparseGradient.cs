using System.Runtime.InteropServices;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>
/// The touched rows of a batch, each once and ascending, with their summed gradients: PyTorch's <c>sparse=True</c>, coalesced.
/// Its size follows the batch, not the table.
/// </summary>
public sealed unsafe class SparseGradient : EmbeddingGradient
{
    private AlignedMemory? _values = new(0, "a sparse gradient");

    /// <summary>Creates an empty gradient; it grows with the batches written to it and keeps its memory.</summary>
    /// <param name="table">The table it belongs to.</param>
    /// <exception cref="ObjectDisposedException"><paramref name="table"/> was disposed.</exception>
    public SparseGradient(EmbeddingTable table)
        : base(table)
    {
    }

    /// <summary>The touched rows, ascending and distinct; valid until the gradient is next written, cleared or disposed.</summary>
    /// <exception cref="ObjectDisposedException">The gradient was disposed.</exception>
    public ReadOnlySpan<long> Rows => new(TouchedRows, TouchedCount);

    /// <summary>
    /// <c>[Rows.Length, Dim]</c>, row-major: the gradient of each touched row; valid as long as <see cref="Rows"/> is. Above
    /// 2^31 elements a span cannot hold it: use <see cref="GetValues"/>.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The gradient was disposed.</exception>
    /// <exception cref="InvalidOperationException">There are more than 2^31 - 1 elements.</exception>
    public ReadOnlySpan<float> Values
    {
        get
        {
            byte* start = Owned(_values).Start;
            long length = (long)TouchedCount * Table.Dim;
            if (length > int.MaxValue) Throw.InvalidOperation($"the gradient has {length} elements, more than a span holds; read it row by row.");
            return new ReadOnlySpan<float>(start, (int)length);
        }
    }

    /// <summary>The gradient of the <paramref name="position"/>-th touched row.</summary>
    /// <param name="position">0 to <c>Rows.Length - 1</c>.</param>
    /// <returns><c>[Dim]</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="position"/> is out of range.</exception>
    /// <exception cref="ObjectDisposedException">The gradient was disposed.</exception>
    public ReadOnlySpan<float> GetValues(int position)
    {
        byte* start = Owned(_values).Start;
        if ((uint)position >= (uint)TouchedCount) Throw.OutOfRange(nameof(position), position, $"below {TouchedCount}, the touched rows");
        return new ReadOnlySpan<float>((float*)start + ((nint)position * Table.Dim), Table.Dim);
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        _ = Owned(_values);
        TouchedCount = 0;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _values?.Dispose();
        _values = null;
        base.Dispose();
    }

    internal override void Reserve(int positions, bool accumulate)
    {
        base.Reserve(positions, accumulate);
        UInt128 bytes = (UInt128)RowsToReserve(positions, accumulate) * (UInt128)Float32.RowBytes(Table.Dim);
        AlignedMemory.Grow(ref _values, bytes, "the values of a sparse gradient");
    }

    internal override GradientRows OpenTouched() =>
        new(TouchedRows, TouchedCount, RowView.Dense((float*)Owned(_values).Start, TouchedCount, Table.Dim), null);

    private protected override void MakeRoom(long* slots, int count)
    {
        // From the back: a kept row only ever moves up, into room that has been vacated or was free.
        byte* values = _values!.Start;
        nint rowBytes = Float32.RowBytes(Table.Dim);
        nint end = TouchedCount;
        for (int i = count - 1; i >= -1; i--)
        {
            nint slot = i < 0 ? -1 : (nint)slots[i];
            NativeMemory.Clear(values + ((slot + 1) * rowBytes), (nuint)((end - slot - 1) * rowBytes));
            if (i >= 0) Buffer.MemoryCopy(values + (i * rowBytes), values + (slot * rowBytes), rowBytes, rowBytes);
            end = slot;
        }
    }
}
