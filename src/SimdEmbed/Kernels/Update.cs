using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>What a step does to one vector of one row, and to the state that lies beside it.</summary>
/// <remarks>
/// There is no scalar form: the walker brings a row's tail through a whole vector, so that each formula is written once.
/// </remarks>
internal unsafe interface IRowUpdate
{
    /// <summary>Floats of state for each column; none where the state is one float for the whole row.</summary>
    static abstract int StateVectors { get; }

    /// <summary>What all columns of a row share, from what they are before the first column; it may change the row's one float of state.</summary>
    Vector<float> BeginRow(float* weights, float* gradient, float* state, nint dim);

    /// <summary>The new weights; state vector <c>k</c> of these columns is at <c>state + k * stride</c>.</summary>
    Vector<float> Apply(Vector<float> weight, Vector<float> gradient, Vector<float> row, float* state, nint stride);
}

/// <summary><c>weight + gradient</c>: accumulation into a gradient that is already there.</summary>
internal readonly unsafe struct AddUpdate : IRowUpdate
{
    public static int StateVectors => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> BeginRow(float* weights, float* gradient, float* state, nint dim) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Apply(Vector<float> weight, Vector<float> gradient, Vector<float> row, float* state, nint stride) => weight + gradient;
}

/// <summary>The update walker: goes over touched rows, each once.</summary>
internal static unsafe class Update<TUpdate>
    where TUpdate : struct, IRowUpdate
{
    /// <summary>State vectors of the widest update, for the tail's buffer.</summary>
    private const int MostStateVectors = 3;

    /// <summary>Rows to ask for ahead of use: a row's weights and state are 2 to 4 places, each some 100 ns away. 8, 16 and 32 measured level, 2 and 4 slower.</summary>
    private const int Ahead = 8;

    /// <summary>
    /// Applies row <c>slots[i]</c> of <paramref name="gradients"/> to row <c>rows[i]</c> of <paramref name="table"/>, for
    /// <paramref name="count"/> distinct rows; the state's <c>Dim</c> is how far its vectors are apart. Without <paramref name="slots"/>
    /// gradients, and without <paramref name="rows"/> rows, lie one after the other. The next call walks the
    /// <paramref name="following"/> rows behind in the list: they are asked for here.
    /// </summary>
    public static void Run(
        in RowView table, in RowView state, long* rows, int count, in RowView gradients, long* slots, TUpdate update, int following = 0)
    {
        nint width = Vector<float>.Count;
        nint dim = table.Dim;
        nint stride = state.Dim;
        nint whole = dim - (dim % width);
        float* tail = stackalloc float[(2 + MostStateVectors) * Vector<float>.Count];
        new Span<float>(tail, (2 + MostStateVectors) * Vector<float>.Count).Clear();
        for (int i = 0; i < count; i++)
        {
            nint row = NextRow(table, state, rows, i, count + following);
            float* weights = (float*)(table.Rows + (row * table.Stride));
            float* gradient = GradientOf(gradients, slots, i);
            float* own = (float*)(state.Rows + (row * state.Stride));
            Row(weights, gradient, own, stride, dim, whole, update, tail);
        }
    }

    /// <summary>
    /// As <see cref="Run"/>, for rows of half width: a row is widened into <paramref name="scratch"/>, <c>Dim</c> floats and a vector,
    /// stepped there, and rounded back. Without <paramref name="rows"/>, the first is row <paramref name="firstRow"/> of its table.
    /// </summary>
    public static void RunHalf<TCodec>(
        in RowView table,
        long firstRow,
        in RowView state,
        long* rows,
        int count,
        in RowView gradients,
        long* slots,
        TUpdate update,
        RowRounding rounding,
        float* scratch,
        int following = 0)
        where TCodec : struct, IHalfCodec
    {
        nint dim = table.Dim;
        nint whole = dim - (dim % Vector<float>.Count);
        float* tail = stackalloc float[(2 + MostStateVectors) * Vector<float>.Count];
        new Span<float>(tail, (2 + MostStateVectors) * Vector<float>.Count).Clear();
        for (int i = 0; i < count; i++)
        {
            nint row = NextRow(table, state, rows, i, count + following);
            byte* place = table.Rows + (row * table.Stride);
            float* gradient = GradientOf(gradients, slots, i);
            Gather<int, TCodec>.Row(place, null, dim, scratch);
            Row(scratch, gradient, (float*)(state.Rows + (row * state.Stride)), state.Dim, dim, whole, update, tail);
            rounding.Store<TCodec>(scratch, dim, place, rows == null ? firstRow + i : row);
        }
    }

    /// <summary>The row of the <paramref name="i"/>-th update. One that comes later in the list, up to <paramref name="end"/>, is asked for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint NextRow(in RowView table, in RowView state, long* rows, int i, int end)
    {
        if (rows == null) return i;
        nint later = (nint)rows[int.Min(i + Ahead, end - 1)];
        Prefetch.Row(table.Rows + (later * table.Stride), table.Stride);
        if (state.Stride != 0) Prefetch.Row(state.Rows + (later * state.Stride), state.Stride);
        return (nint)rows[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* GradientOf(in RowView gradients, long* slots, int i) => (float*)(gradients.Rows + ((slots == null ? i : (nint)slots[i]) * gradients.Stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(float* weights, float* gradient, float* state, nint stride, nint dim, nint whole, TUpdate update, float* tail)
    {
        Vector<float> shared = update.BeginRow(weights, gradient, state, dim);
        for (nint column = 0; column < whole; column += Vector<float>.Count)
        {
            Vector<float> updated = update.Apply(
                Unsafe.ReadUnaligned<Vector<float>>(weights + column),
                Unsafe.ReadUnaligned<Vector<float>>(gradient + column),
                shared,
                state + column,
                stride);
            Unsafe.WriteUnaligned(weights + column, updated);
        }

        if (whole < dim) Tail(weights, gradient, shared, state, stride, dim, whole, update, tail);
    }

    /// <summary>
    /// The last columns, fewer than a vector, through a buffer: an overlapping vector would apply the step twice to the columns
    /// before.
    /// </summary>
    private static void Tail(float* weights, float* gradient, Vector<float> shared, float* state, nint stride, nint dim, nint start, TUpdate update, float* buffer)
    {
        nint width = Vector<float>.Count;
        nint count = dim - start;
        float* states = buffer + (2 * width);
        for (nint j = 0; j < count; j++)
        {
            buffer[j] = weights[start + j];
            buffer[width + j] = gradient[start + j];
            for (nint k = 0; k < TUpdate.StateVectors; k++) states[(k * width) + j] = state[(k * stride) + start + j];
        }

        Vector<float> updated = update.Apply(
            Unsafe.ReadUnaligned<Vector<float>>(buffer), Unsafe.ReadUnaligned<Vector<float>>(buffer + width), shared, states, width);
        Unsafe.WriteUnaligned(buffer, updated);
        for (nint j = 0; j < count; j++)
        {
            weights[start + j] = buffer[j];
            for (nint k = 0; k < TUpdate.StateVectors; k++) state[(k * stride) + start + j] = states[(k * width) + j];
        }
    }
}
