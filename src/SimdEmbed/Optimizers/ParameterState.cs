using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed.Optimizers;

/// <summary>How an optimizer lays out what it remembers of a row.</summary>
/// <param name="Names">PyTorch's names of the state tensors, in the order they lie in.</param>
/// <param name="Starts">What each starts from.</param>
/// <param name="PerRow">True for one float a row instead of one for each of its columns.</param>
internal sealed record StateLayout(string[] Names, float[] Starts, bool PerRow = false)
{
    public static readonly StateLayout None = new([], []);

    public nint RowBytes(int dim) => (PerRow ? 1 : (nint)Names.Length * dim) * sizeof(float);
}

/// <summary>
/// What an optimizer remembers of one table or parameter. All state of a row lies side by side, so that a step touches two
/// places for a row and not one for each moment.
/// </summary>
internal sealed unsafe class ParameterState : IDisposable
{
    private AlignedMemory? _memory;
    private AlignedMemory? _moving;

    public ParameterState(EmbeddingTable? table, ParameterGroup group, StateLayout layout, long rows, int dim)
    {
        Table = table;
        Group = group;
        Layout = layout;
        Rows = rows;
        Dim = dim;
        _memory = new AlignedMemory((UInt128)rows * (UInt128)layout.RowBytes(dim), $"the state of {rows} x {dim} parameters");
        _moving = new AlignedMemory(0, "the moving rows");
        Reset();
    }

    public EmbeddingTable? Table { get; }

    public ParameterGroup Group { get; }

    public StateLayout Layout { get; }

    /// <summary>Its place in the order of adding.</summary>
    public int Number { get; init; }

    public long Rows { get; }

    public int Dim { get; }

    /// <summary>The checkpoint that has the state of all rows but those that the table has marked as written since; null when none is known to.</summary>
    public string? SavedAs { get; set; }

    /// <summary>How many steps were made.</summary>
    public long Step { get; set; }

    /// <summary>Rows that move on every step because their momentum does, ascending; only where an optimizer keeps such a list.</summary>
    public long* Moving => (long*)Owned(_moving).Start;

    public int MovingCount { get; set; }

    /// <summary>Row <c>i</c>'s state; <c>Dim</c> is how far the vectors of a row are apart.</summary>
    public RowView View => new(Owned(_memory).Start, Layout.RowBytes(Dim), Rows, Dim);

    public void ReserveMoving(long rows) => AlignedMemory.Grow(ref _moving, (UInt128)sizeof(long) * (UInt128)rows, "the moving rows");

    /// <summary>As if no step had been made.</summary>
    public void Reset()
    {
        Step = 0;
        MovingCount = 0;
        SavedAs = null;
        Owned(_memory).Clear();
        for (int vector = 0; vector < Layout.Starts.Length; vector++)
        {
            for (long row = 0; row < Rows && Layout.Starts[vector] != 0; row++) Vector(row, vector).Fill(Layout.Starts[vector]);
        }
    }

    /// <summary>State vector <paramref name="vector"/> of a row, or its one float.</summary>
    public Span<float> Vector(long row, int vector)
    {
        RowView view = View;
        float* start = (float*)(view.Rows + ((nint)row * view.Stride));
        return Layout.PerRow ? new Span<float>(start, 1) : new Span<float>(start + ((nint)vector * Dim), Dim);
    }

    /// <summary>The state for a table of another size: rows that both have are kept, others start anew.</summary>
    public ParameterState For(EmbeddingTable resized)
    {
        ParameterState state = new(resized, Group, Layout, resized.RowCount, Dim) { Step = Step, Number = Number };
        long kept = long.Min(Rows, resized.RowCount);
        nuint bytes = (nuint)kept * (nuint)Layout.RowBytes(Dim);
        Buffer.MemoryCopy(Owned(_memory).Start, state.View.Rows, bytes, bytes);
        state.ReserveMoving(MovingCount);
        for (int i = 0; i < MovingCount && Moving[i] < kept; i++) state.Moving[state.MovingCount++] = Moving[i];
        return state;
    }

    public void Dispose()
    {
        _memory?.Dispose();
        _moving?.Dispose();
        _memory = _moving = null;
    }

    private static AlignedMemory Owned(AlignedMemory? memory)
    {
        if (memory == null) Throw.Disposed(nameof(Optimizer));
        return memory;
    }
}
