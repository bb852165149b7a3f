using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>
/// The pooling walker for the largest value of each column where the rows that won are wanted too: it keeps a position in the
/// batch beside each value. Without winners, largest values are an operator of <see cref="Pool{TIndex, TOp}"/>.
/// </summary>
internal static unsafe class MaxPool<TIndex, TOp>
    where TIndex : unmanaged, IBinaryInteger<TIndex>
    where TOp : struct, ILargest
{
    /// <summary>Writes the largest values of each bag, and the rows that won; zeros and -1 for an empty bag.</summary>
    public static void Run(in RowView table, in BagPlan<TIndex> plan, float* output, long* winners)
    {
        nint dim = table.Dim;
        PoolRows<TIndex> rows = new(table, plan);
        for (int bag = 0; bag < plan.Count; bag++)
        {
            int start = plan.Offsets[bag];
            int end = plan.Offsets[bag + 1];
            float* target = output + (bag * plan.OutputStride);
            long* won = winners + (bag * plan.OutputStride);
            if (start == end)
            {
                new Span<float>(target, table.Dim).Clear();
                new Span<long>(won, table.Dim).Fill(-1);
                continue;
            }

            // Positions go to the first half of the winners' memory, and become rows from the back.
            int* positions = (int*)won;
            if (TOp.Bits == 32 && dim < Vector<float>.Count && !table.Padded) Narrow(rows, start, end, dim, target, positions);
            else Bag(rows, start, end, dim, target, positions);
            TIndex* indices = rows.Indices;
            for (nint column = dim - 1; column >= 0; column--) won[column] = long.CreateTruncating(indices[positions[column]]);
        }
    }

    private static void Bag(in PoolRows<TIndex> rows, int start, int end, nint dim, float* target, int* positions)
    {
        nint width = Vector<float>.Count;
        nint span = TOp.Span(dim);
        bool direct = TOp.Parts == 1 && dim >= width;
        float* values = stackalloc float[4 * Vector<float>.Count];
        int* places = stackalloc int[4 * Vector<float>.Count];
        for (nint position = 0; position < span;)
        {
            // The last sweep of columns in order overlaps the one before: what is found twice is the same.
            nint left = span - position;
            int count = TOp.Parts == 1 && left > 6 * width && span >= 8 * width ? 8 : left > width && span >= 4 * width ? 4 : 1;
            nint begin = nint.Min(position, span - (count * width));
            position = begin + (count * width);
            float* largest = direct ? target + begin : values;
            int* found = direct ? positions + begin : places;
            if (count == 8) Sweep8(rows, start, end, begin, largest, found);
            else if (count == 4) Sweep4(rows, start, end, begin, largest, found);
            else Sweep1(rows, start, end, begin, largest, found);
            if (direct) continue;
            TOp.Store(target, dim, begin, values, count);
            TOp.Store((float*)positions, dim, begin, (float*)places, count);
        }
    }

    private static void Sweep8(in PoolRows<TIndex> rows, int start, int end, nint position, float* values, int* places)
    {
        nint width = Vector<float>.Count;
        nint first = position * TOp.Bits / 8;
        PoolRows<TIndex> own = rows;
        byte* row = own.Row(start) + first;
        RowFactors factors = Factors(own, start);
        Winner a = new(TOp.Value(TOp.Load(row, 0), factors), start);
        Winner b = new(TOp.Value(TOp.Load(row, 1), factors), start);
        Winner c = new(TOp.Value(TOp.Load(row, 2), factors), start);
        Winner d = new(TOp.Value(TOp.Load(row, 3), factors), start);
        Winner e = new(TOp.Value(TOp.Load(row, 4), factors), start);
        Winner f = new(TOp.Value(TOp.Load(row, 5), factors), start);
        Winner g = new(TOp.Value(TOp.Load(row, 6), factors), start);
        Winner h = new(TOp.Value(TOp.Load(row, 7), factors), start);
        for (int i = start + 1; i < end; i++)
        {
            int bytes = 8 * Vector<float>.Count * TOp.Bits / 8;
            Prefetch.Lines(own.Row(int.Min(i + Prefetch.Distance(bytes), own.Last)) + first, bytes, own.Stride);
            row = own.Row(i) + first;
            factors = Factors(own, i);
            a = a.Against(TOp.Value(TOp.Load(row, 0), factors), i);
            b = b.Against(TOp.Value(TOp.Load(row, 1), factors), i);
            c = c.Against(TOp.Value(TOp.Load(row, 2), factors), i);
            d = d.Against(TOp.Value(TOp.Load(row, 3), factors), i);
            e = e.Against(TOp.Value(TOp.Load(row, 4), factors), i);
            f = f.Against(TOp.Value(TOp.Load(row, 5), factors), i);
            g = g.Against(TOp.Value(TOp.Load(row, 6), factors), i);
            h = h.Against(TOp.Value(TOp.Load(row, 7), factors), i);
        }

        a.Store(values, places);
        b.Store(values + width, places + width);
        c.Store(values + (2 * width), places + (2 * width));
        d.Store(values + (3 * width), places + (3 * width));
        e.Store(values + (4 * width), places + (4 * width));
        f.Store(values + (5 * width), places + (5 * width));
        g.Store(values + (6 * width), places + (6 * width));
        h.Store(values + (7 * width), places + (7 * width));
    }

    private static void Sweep4(in PoolRows<TIndex> rows, int start, int end, nint position, float* values, int* places)
    {
        nint width = Vector<float>.Count;
        nint first = Offset(position, out int k);
        PoolRows<TIndex> own = rows;
        byte* row = own.Row(start) + first;
        RowFactors factors = Factors(own, start);
        Winner a = new(TOp.Value(TOp.Load(row, k), factors), start);
        Winner b = new(TOp.Value(TOp.Load(row, k + 1), factors), start);
        Winner c = new(TOp.Value(TOp.Load(row, k + 2), factors), start);
        Winner d = new(TOp.Value(TOp.Load(row, k + 3), factors), start);
        for (int i = start + 1; i < end; i++)
        {
            int bytes = 4 * Vector<float>.Count * TOp.Bits / 8;
            Prefetch.Lines(own.Row(int.Min(i + Prefetch.Distance(bytes), own.Last)) + first, bytes, own.Stride);
            row = own.Row(i) + first;
            factors = Factors(own, i);
            a = a.Against(TOp.Value(TOp.Load(row, k), factors), i);
            b = b.Against(TOp.Value(TOp.Load(row, k + 1), factors), i);
            c = c.Against(TOp.Value(TOp.Load(row, k + 2), factors), i);
            d = d.Against(TOp.Value(TOp.Load(row, k + 3), factors), i);
        }

        a.Store(values, places);
        b.Store(values + width, places + width);
        c.Store(values + (2 * width), places + (2 * width));
        d.Store(values + (3 * width), places + (3 * width));
    }

    private static void Sweep1(in PoolRows<TIndex> rows, int start, int end, nint position, float* values, int* places)
    {
        nint first = Offset(position, out int k);
        PoolRows<TIndex> own = rows;
        Winner a = new(TOp.Value(TOp.Load(own.Row(start) + first, k), Factors(own, start)), start);
        for (int i = start + 1; i < end; i++) a = a.Against(TOp.Value(TOp.Load(own.Row(i) + first, k), Factors(own, i)), i);
        a.Store(values, places);
    }

    /// <summary>Rows narrower than a vector in memory that others own: column by column, and no byte beyond.</summary>
    private static void Narrow(in PoolRows<TIndex> rows, int start, int end, nint dim, float* target, int* positions)
    {
        for (nint column = 0; column < dim; column++)
        {
            Winner a = new(TOp.Value(rows.Column(start, column), Factors(rows, start)), start);
            for (int i = start + 1; i < end; i++) a = a.Against(TOp.Value(rows.Column(i, column), Factors(rows, i)), i);
            target[column] = a.Value[0];
            positions[column] = a.Position[0];
        }
    }

    /// <summary>Where in a row the load is that holds a position, and which of its vectors the position is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Offset(nint position, out int k)
    {
        nint within = TOp.Parts == 1 ? 0 : position % (TOp.Parts * Vector<float>.Count);
        k = (int)(within / Vector<float>.Count);
        return (position - within) * TOp.Bits / 8;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RowFactors Factors(in PoolRows<TIndex> rows, int i) =>
        TOp.Factors(TOp.Affine ? rows.SideOf(i) : null, rows.Weights, rows.Limits, i);

    /// <summary>The largest values so far, and where they were.</summary>
    private readonly struct Winner(Vector<float> value, Vector<int> position)
    {
        public readonly Vector<float> Value = value;
        public readonly Vector<int> Position = position;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Winner(Vector<float> value, int position)
            : this(value, new Vector<int>(position))
        {
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Winner Against(Vector<float> other, int position)
        {
            // Positions only grow, so that the later of two is the larger: a mask and a maximum, where a selection takes three instructions.
            Vector<int> greater = Vector.GreaterThan(other, Value);
            return new Winner(ILargest.Larger(Value, other), Vector.Max(Position, greater & new Vector<int>(position)));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Store(float* values, int* places)
        {
            Unsafe.WriteUnaligned(values, Value);
            Unsafe.WriteUnaligned(places, Position);
        }
    }
}
