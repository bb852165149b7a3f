using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>
/// The pooling walker: goes over bags and columns, and leaves to <typeparamref name="TOp"/> what happens to a vector. A lookup
/// is a bag of one; the gradient of a row is the bag of its positions over the output gradient.
/// </summary>
internal static unsafe class Pool<TIndex, TOp>
    where TIndex : unmanaged, IBinaryInteger<TIndex>
    where TOp : struct, IPoolOp
{
    /// <summary>
    /// A plain lookup: <paramref name="count"/> bags of one index, output in order. Its own loop, inlined into the caller,
    /// because a batch of one row costs little more than the call of a function.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LookUp(in RowView table, TIndex* indices, int count, float* output)
    {
        byte* rows = table.Rows;
        nint stride = table.Stride;
        nint dim = table.Dim;
        for (int i = 0; i < count; i++, output += dim) Bag(rows, stride, dim, indices + i, null, null, 1, output);
    }

    /// <summary>Writes <c>plan.Count</c> rows of <c>table.Dim</c> floats to <paramref name="output"/>.</summary>
    public static void Run(in RowView table, in BagPlan<TIndex> plan, float* output)
    {
        nint dim = table.Dim;
        for (int bag = 0; bag < plan.Count; bag++)
        {
            int start = TOp.BagOfOne ? bag : plan.Offsets[bag];
            int count = TOp.BagOfOne ? 1 : plan.Offsets[bag + 1] - start;
            float* target = output + ((plan.Targets == null ? bag : (nint)plan.Targets[bag]) * plan.OutputStride);
            Bag(table.Rows, table.Stride, dim, plan.Indices + start, plan.Weights + start, plan.Scales + start, count, target);
            if (plan.Divisors == null) continue;
            if (plan.Divisors[bag] == 0) new Span<float>(target, table.Dim).Clear();
            else Elementwise.Divide(target, plan.Divisors[bag], dim);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Bag(byte* rows, nint stride, nint dim, TIndex* indices, float* weights, float* scales, int count, float* target)
    {
        nint width = Vector<float>.Count;
        if (dim < width)
        {
            for (nint column = 0; column < dim; column++) One(rows, stride, indices, weights, scales, count, target, column);
            return;
        }

        // The whole sum of a column block stays in registers: summing in memory measured 1.4 to 2.3 times slower. Wider rows
        // walk the index list once per block.
        nint done = 0;
        for (; done <= dim - (8 * width); done += 8 * width) Eight(rows, stride, indices, weights, scales, count, target, done);
        for (; done <= dim - (2 * width); done += 2 * width) Two(rows, stride, indices, weights, scales, count, target, done);

        // The last vector overlaps the one before: its columns are computed twice from the same inputs, so the bits are equal,
        // and a scalar tail measured 1.7 to 1.95 times slower.
        for (; done < dim; done += width) Vectors(rows, stride, indices, weights, scales, count, target, nint.Min(done, dim - width));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Row(byte* rows, nint stride, TIndex* index) => rows + (nint.CreateTruncating(*index) * stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Factors(float* weights, float* scales, int i, out Vector<float> weight, out Vector<float> scale)
    {
        weight = TOp.Weighted ? new Vector<float>(weights[i]) : default;
        scale = TOp.Scaled ? new Vector<float>(scales[i]) : default;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void One(byte* rows, nint stride, TIndex* indices, float* weights, float* scales, int count, float* target, nint column)
    {
        float sum = 0;
        for (int i = 0; i < count; i++)
        {
            float weight = TOp.Weighted ? weights[i] : 0;
            float scale = TOp.Scaled ? scales[i] : 0;
            sum = TOp.Step(sum, Row(rows, stride, indices + i), column, weight, scale);
        }

        target[column] = sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Vectors(byte* rows, nint stride, TIndex* indices, float* weights, float* scales, int count, float* target, nint column)
    {
        Vector<float> sum = Vector<float>.Zero;
        for (int i = 0; i < count; i++)
        {
            Factors(weights, scales, i, out Vector<float> weight, out Vector<float> scale);
            sum = TOp.StepVector(sum, Row(rows, stride, indices + i), column, weight, scale);
        }

        Unsafe.WriteUnaligned(target + column, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two(byte* rows, nint stride, TIndex* indices, float* weights, float* scales, int count, float* target, nint column)
    {
        nint width = Vector<float>.Count;
        Vector<float> a = Vector<float>.Zero, b = a;
        for (int i = 0; i < count; i++)
        {
            byte* row = Row(rows, stride, indices + i);
            Factors(weights, scales, i, out Vector<float> weight, out Vector<float> scale);
            a = TOp.StepVector(a, row, column, weight, scale);
            b = TOp.StepVector(b, row, column + width, weight, scale);
        }

        Unsafe.WriteUnaligned(target + column, a);
        Unsafe.WriteUnaligned(target + column + width, b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Eight(byte* rows, nint stride, TIndex* indices, float* weights, float* scales, int count, float* target, nint column)
    {
        nint width = Vector<float>.Count;
        Vector<float> a = Vector<float>.Zero, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        for (int i = 0; i < count; i++)
        {
            byte* row = Row(rows, stride, indices + i);
            Factors(weights, scales, i, out Vector<float> weight, out Vector<float> scale);
            a = TOp.StepVector(a, row, column, weight, scale);
            b = TOp.StepVector(b, row, column + width, weight, scale);
            c = TOp.StepVector(c, row, column + (2 * width), weight, scale);
            d = TOp.StepVector(d, row, column + (3 * width), weight, scale);
            e = TOp.StepVector(e, row, column + (4 * width), weight, scale);
            f = TOp.StepVector(f, row, column + (5 * width), weight, scale);
            g = TOp.StepVector(g, row, column + (6 * width), weight, scale);
            h = TOp.StepVector(h, row, column + (7 * width), weight, scale);
        }

        float* end = target + column;
        Unsafe.WriteUnaligned(end, a);
        Unsafe.WriteUnaligned(end + width, b);
        Unsafe.WriteUnaligned(end + (2 * width), c);
        Unsafe.WriteUnaligned(end + (3 * width), d);
        Unsafe.WriteUnaligned(end + (4 * width), e);
        Unsafe.WriteUnaligned(end + (5 * width), f);
        Unsafe.WriteUnaligned(end + (6 * width), g);
        Unsafe.WriteUnaligned(end + (7 * width), h);
    }
}
