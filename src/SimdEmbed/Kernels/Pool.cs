using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SimdEmbed.Kernels;

/// <summary>
/// The pooling walker: goes over bags and rows, and leaves to <typeparamref name="TOp"/> what happens to a vector. The gradient
/// of a row is the bag of its positions over the output gradient.
/// </summary>
/// <remarks>
/// A <em>sweep</em> reads some vectors of every row of a bag and keeps their sums in registers: summing in memory measured 1.4 to
/// 2.3 times slower. A row wider than the registers is swept several times.
/// </remarks>
internal static unsafe partial class Pool<TIndex, TOp>
    where TIndex : unmanaged, IBinaryInteger<TIndex>
    where TOp : struct, IPoolOp
{
    /// <summary>Writes <c>plan.Count</c> rows of <c>table.Dim</c> floats to <paramref name="output"/>; zeros for an empty bag.</summary>
    public static void Run(in RowView table, in BagPlan<TIndex> plan, float* output)
    {
        nint dim = table.Dim;
        PoolRows<TIndex> rows = new(table, plan);
        for (int bag = 0; bag < plan.Count; bag++)
        {
            int start = plan.Offsets[bag];
            int end = plan.Offsets[bag + 1];
            float* target = output + ((plan.Targets == null ? bag : (nint)plan.Targets[bag]) * plan.OutputStride);
            bool empty = start == end || (plan.Divisors != null && plan.Divisors[bag] == 0);
            if (empty)
            {
                new Span<float>(target, table.Dim).Clear();
                continue;
            }

            if (TOp.Bits == 32 && dim < Vector<float>.Count && !table.Padded) Narrow(rows, start, end, dim, target);
            else Bag(rows, start, end, dim, target);
            if (plan.Divisors != null) Elementwise.Divide(target, plan.Divisors[bag], dim);
        }
    }

    private static void Bag(in PoolRows<TIndex> rows, int start, int end, nint dim, float* target)
    {
        nint width = Vector<float>.Count;
        nint span = TOp.Span(dim);
        nint position = 0;
        float* buffer = stackalloc float[TOp.Parts == 1 ? Vector<float>.Count : 16 * Vector<float>.Count];
        bool direct = TOp.Parts == 1 && dim >= width;
        while (position < span)
        {
            // The last sweep of columns in order overlaps the one before: some are computed twice from the same inputs, so the
            // bits are equal, and a scalar tail measured 1.7 to 1.95 times slower.
            nint left = (span - position + width - 1) / width;
            nint count = Vectors(left, span);
            nint begin = TOp.Parts == 1 ? nint.Max(0, nint.Min(position, span - (count * width))) : position;
            nint last = TOp.Parts == 1 ? nint.Min((count - 1) * width, span - width - begin) : (count - 1) * width;
            float* sums = direct ? target + begin : buffer;
            if (count == 16) Sweep16(rows, start, end, begin, sums);
            else if (count == 8) Sweep8(rows, start, end, begin, last, sums);
            else if (count == 4) Sweep4(rows, start, end, begin, last, sums);
            else if (count == 2) Sweep2(rows, start, end, begin, last, sums);
            else Sweep1(rows, start, end, begin, sums);
            if (!direct) TOp.Store(target, dim, begin, sums, (int)count);
            position = begin + (count * width);
        }
    }

    /// <summary>
    /// How many vectors the next sweep takes, of the <paramref name="left"/> ones to the end of the row. Sixteen even where that is all
    /// registers there are: two sweeps of 128 floats measured 5 to 20 % slower than one that keeps a sum or a constant in memory. Only eight
    /// parts of a word leave too few for the word, its codes and the scale: their rows took 20 % longer.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Vectors(nint left, nint span)
    {
        if ((TOp.Parts != 8 || Avx512F.VL.IsSupported) && Fits(16, left, span)) return 16;
        if (TOp.Parts <= 8 && Fits(8, left, span)) return 8;
        if (TOp.Parts <= 4 && Fits(4, left, span)) return 4;
        return Fits(2, left, span) ? 2 : 1;
    }

    /// <summary>
    /// Columns in order may overlap what is done, as long as the sweep does not begin before the row and is half new. Two, four or eight
    /// vectors that are a little wider than the whole row overlap each other: rows of 9 to 15 columns, swept twice, cost 1.75 times one of 16.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Fits(nint count, nint left, nint span) => TOp.Parts == 1
        ? (2 * left > count && count * Vector<float>.Count <= span) || (left == count && count <= 8)
        : left >= count;

    /// <summary>Rows narrower than a vector in memory that others own, which are floats: column by column, and no byte beyond.</summary>
    private static void Narrow(in PoolRows<TIndex> rows, int start, int end, nint dim, float* target)
    {
        for (nint column = 0; column < dim; column++)
        {
            RowFactors factors = TOp.Factors(rows.SideOf(start), rows.Weights, rows.Limits, start);
            Vector<float> sum = TOp.Start(rows.Column(start, column), factors);
            for (int i = start; i < end; i++)
            {
                factors = TOp.Factors(rows.SideOf(i), rows.Weights, rows.Limits, i);
                sum = TOp.Combine(sum, rows.Column(i, column), factors);
            }

            target[column] = sum[0];
        }
    }
}

/// <summary>Where the rows of a plan are, and what they are multiplied by.</summary>
internal readonly unsafe ref struct PoolRows<TIndex>(in RowView table, in BagPlan<TIndex> plan)
    where TIndex : unmanaged, IBinaryInteger<TIndex>
{
    public readonly byte* Start = table.Rows;
    public readonly nint Stride = table.Stride;
    public readonly float* Side = table.Side;
    public readonly TIndex* Indices = plan.Indices;
    public readonly float* Weights = plan.Weights;
    public readonly float* Limits = plan.Scales;

    /// <summary>The position of the last index of all bags, and of those that follow: looking ahead stops there.</summary>
    public readonly int Last = plan.Offsets[plan.Count] + plan.Following - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int i) => Start + (nint.CreateTruncating(Indices[i]) * Stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* SideOf(int i) => Side + (2 * nint.CreateTruncating(Indices[i]));

    /// <summary>A column of a row of floats, in every lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Column(int i, nint column) => new(((float*)Row(i))[column]);
}
