using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>The gradient of a table: sparse (the touched rows) or dense (all rows). One thread uses it at a time.</summary>
public abstract unsafe class EmbeddingGradient : IDisposable
{
    private AlignedMemory? _rows;

    private protected EmbeddingGradient(EmbeddingTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        Table = table;
        _ = table.OpenRead();
        _rows = new AlignedMemory(0, "a gradient");
    }

    /// <summary>The table this is the gradient of.</summary>
    public EmbeddingTable Table { get; }

    /// <summary>How many rows have been touched since the gradient was last overwritten or cleared.</summary>
    internal int TouchedCount { get; private protected set; }

    /// <summary>The touched rows, ascending and distinct.</summary>
    internal long* TouchedRows => (long*)Owned(_rows).Start;

    /// <summary>Makes the gradient zero, as if nothing had been written: PyTorch's <c>zero_grad</c>.</summary>
    /// <exception cref="ObjectDisposedException">The gradient was disposed.</exception>
    public abstract void Clear();

    /// <summary>Gives the memory back. Every member but <see cref="Table"/> throws from now on.</summary>
    public virtual void Dispose()
    {
        TouchedCount = 0;
        _rows?.Dispose();
        _rows = null;
        GC.SuppressFinalize(this);
    }

    /// <summary>The touched rows and their gradients, for an optimizer to walk.</summary>
    internal abstract GradientRows OpenTouched();

    /// <summary>
    /// Workspace bytes that <see cref="Write"/> of <paramref name="positions"/> positions takes, after others of up to
    /// <paramref name="before"/>.
    /// </summary>
    internal nuint WriteBytes(int positions, bool accumulate, int before = 0) => accumulate
        ? Workspace.SizeOf<long>((long)TouchedCount + before) + Workspace.SizeOf<long>(positions) + Workspace.SizeOf<float>((long)RowGroups.BlockRows * Table.Dim)
        : 0;

    /// <summary>Makes room for a batch of <paramref name="positions"/>, so that <see cref="Write"/> cannot fail half-way.</summary>
    internal virtual void Reserve(int positions, bool accumulate) =>
        AlignedMemory.Grow(ref _rows, (UInt128)sizeof(long) * (UInt128)RowsToReserve(positions, accumulate), "the rows of a gradient");

    /// <summary>
    /// Replaces the gradient with the segment sums of <paramref name="groups"/> over <paramref name="source"/>, or adds them:
    /// <c>g[row] (+)= 0.0 + source[p0] + source[p1] + ...</c> in batch order.
    /// </summary>
    internal void Write(in RowGroups groups, in RowView source, bool accumulate, scoped ref Workspace workspace)
    {
        if (!accumulate)
        {
            Clear();
            Buffer.MemoryCopy(groups.Rows, TouchedRows, (nuint)groups.Count * sizeof(long), (nuint)groups.Count * sizeof(long));
            TouchedCount = groups.Count;
            BagPlan<int> plan = groups.Plan(0, groups.Count);
            plan.OutputStride = Table.Dim;
            GradientRows rows = OpenTouched();
            plan.Targets = rows.Slots;
            groups.Sum(source, plan, (float*)rows.Values.Rows);
            return;
        }

        // The batch's sum is made first and then added, as PyTorch adds a new gradient to the one in `grad`.
        long* keptSlots = workspace.Take<long>(TouchedCount);
        long* addedSlots = workspace.Take<long>(groups.Count);
        float* block = workspace.Take<float>((long)RowGroups.BlockRows * Table.Dim);
        int keptCount = TouchedCount;
        TouchedCount = SortedRows.Merge(TouchedRows, keptCount, groups.Rows, groups.Count, keptSlots, addedSlots);
        MakeRoom(keptSlots, keptCount);
        GradientRows destination = OpenTouched();
        long* slots = destination.Slots == null ? addedSlots : groups.Rows;
        for (int first = 0; first < groups.Count; first += RowGroups.BlockRows)
        {
            int count = int.Min(RowGroups.BlockRows, groups.Count - first);
            BagPlan<int> plan = groups.Plan(first, count);
            plan.OutputStride = Table.Dim;
            groups.Sum(source, plan, block);
            Update<AddUpdate>.Run(destination.Values, default, slots + first, count, RowView.Dense(block, count, Table.Dim), null, default);
        }
    }

    private protected static AlignedMemory Owned(AlignedMemory? memory)
    {
        if (memory == null) Throw.Disposed(nameof(EmbeddingGradient));
        return memory;
    }

    /// <summary>Rows the gradient may hold after the next write: by positions, so that its size does not depend on duplicates.</summary>
    private protected long RowsToReserve(int positions, bool accumulate) => (accumulate ? TouchedCount : 0L) + positions;

    /// <summary>The touched rows were merged: kept row <c>i</c> is now the <c>slots[i]</c>-th; new ones must read as zeros.</summary>
    private protected abstract void MakeRoom(long* slots, int count);
}
