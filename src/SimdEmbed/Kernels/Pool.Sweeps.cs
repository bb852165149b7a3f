using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>
/// The sweeps: one loop over a bag's rows for each number of vectors that stay in registers. Each sum is a variable, because the
/// compiler keeps no larger structure there.
/// </summary>
internal static unsafe partial class Pool<TIndex, TOp>
{
    private static void Sweep16(in PoolRows<TIndex> rows, int start, int end, nint position, float* sums)
    {
        Loop loop = new(rows, position);
        RowFactors factors = loop.Factors(start);
        byte* row = loop.Row(start);
        Vector<float> a = TOp.Start(TOp.Load(row, 0), factors);
        Vector<float> b = TOp.Start(TOp.Load(row, 1), factors);
        Vector<float> c = TOp.Start(TOp.Load(row, 2), factors);
        Vector<float> d = TOp.Start(TOp.Load(row, 3), factors);
        Vector<float> e = TOp.Start(TOp.Load(row, 4), factors);
        Vector<float> f = TOp.Start(TOp.Load(row, 5), factors);
        Vector<float> g = TOp.Start(TOp.Load(row, 6), factors);
        Vector<float> h = TOp.Start(TOp.Load(row, 7), factors);
        Vector<float> m = TOp.Start(TOp.Load(row, 8), factors);
        Vector<float> n = TOp.Start(TOp.Load(row, 9), factors);
        Vector<float> o = TOp.Start(TOp.Load(row, 10), factors);
        Vector<float> p = TOp.Start(TOp.Load(row, 11), factors);
        Vector<float> q = TOp.Start(TOp.Load(row, 12), factors);
        Vector<float> r = TOp.Start(TOp.Load(row, 13), factors);
        Vector<float> s = TOp.Start(TOp.Load(row, 14), factors);
        Vector<float> t = TOp.Start(TOp.Load(row, 15), factors);
        float bias = 0;
        for (int i = start; i < end; i++)
        {
            loop.Ahead(i, 16);
            row = loop.Row(i);
            factors = loop.Factors(i);
            a = TOp.Combine(a, TOp.Load(row, 0), factors);
            b = TOp.Combine(b, TOp.Load(row, 1), factors);
            c = TOp.Combine(c, TOp.Load(row, 2), factors);
            d = TOp.Combine(d, TOp.Load(row, 3), factors);
            e = TOp.Combine(e, TOp.Load(row, 4), factors);
            f = TOp.Combine(f, TOp.Load(row, 5), factors);
            g = TOp.Combine(g, TOp.Load(row, 6), factors);
            h = TOp.Combine(h, TOp.Load(row, 7), factors);
            m = TOp.Combine(m, TOp.Load(row, 8), factors);
            n = TOp.Combine(n, TOp.Load(row, 9), factors);
            o = TOp.Combine(o, TOp.Load(row, 10), factors);
            p = TOp.Combine(p, TOp.Load(row, 11), factors);
            q = TOp.Combine(q, TOp.Load(row, 12), factors);
            r = TOp.Combine(r, TOp.Load(row, 13), factors);
            s = TOp.Combine(s, TOp.Load(row, 14), factors);
            t = TOp.Combine(t, TOp.Load(row, 15), factors);
            if (TOp.SharesBias) bias += factors.Shared;
        }

        Vector<float> shared = new(bias);
        Unsafe.WriteUnaligned(sums, Finish(a, shared));
        Unsafe.WriteUnaligned(sums + Vector<float>.Count, Finish(b, shared));
        Unsafe.WriteUnaligned(sums + (2 * Vector<float>.Count), Finish(c, shared));
        Unsafe.WriteUnaligned(sums + (3 * Vector<float>.Count), Finish(d, shared));
        Unsafe.WriteUnaligned(sums + (4 * Vector<float>.Count), Finish(e, shared));
        Unsafe.WriteUnaligned(sums + (5 * Vector<float>.Count), Finish(f, shared));
        Unsafe.WriteUnaligned(sums + (6 * Vector<float>.Count), Finish(g, shared));
        Unsafe.WriteUnaligned(sums + (7 * Vector<float>.Count), Finish(h, shared));
        Unsafe.WriteUnaligned(sums + (8 * Vector<float>.Count), Finish(m, shared));
        Unsafe.WriteUnaligned(sums + (9 * Vector<float>.Count), Finish(n, shared));
        Unsafe.WriteUnaligned(sums + (10 * Vector<float>.Count), Finish(o, shared));
        Unsafe.WriteUnaligned(sums + (11 * Vector<float>.Count), Finish(p, shared));
        Unsafe.WriteUnaligned(sums + (12 * Vector<float>.Count), Finish(q, shared));
        Unsafe.WriteUnaligned(sums + (13 * Vector<float>.Count), Finish(r, shared));
        Unsafe.WriteUnaligned(sums + (14 * Vector<float>.Count), Finish(s, shared));
        Unsafe.WriteUnaligned(sums + (15 * Vector<float>.Count), Finish(t, shared));
    }

    private static void Sweep8(in PoolRows<TIndex> rows, int start, int end, nint position, nint last, float* sums)
    {
        Loop loop = new(rows, position);
        RowFactors factors = loop.Factors(start);
        byte* row = loop.Row(start);
        Vector<float> a = TOp.Start(TOp.Load(row, 0), factors);
        Vector<float> b = TOp.Start(TOp.Load(row, 1), factors);
        Vector<float> c = TOp.Start(TOp.Load(row, 2), factors);
        Vector<float> d = TOp.Start(TOp.Load(row, 3), factors);
        Vector<float> e = TOp.Start(TOp.Load(row, 4), factors);
        Vector<float> f = TOp.Start(TOp.Load(row, 5), factors);
        Vector<float> g = TOp.Start(TOp.Load(row, 6), factors);
        Vector<float> h = TOp.Start(Last(row, 7, last), factors);
        float bias = 0;
        for (int i = start; i < end; i++)
        {
            loop.Ahead(i, 8);
            row = loop.Row(i);
            factors = loop.Factors(i);
            a = TOp.Combine(a, TOp.Load(row, 0), factors);
            b = TOp.Combine(b, TOp.Load(row, 1), factors);
            c = TOp.Combine(c, TOp.Load(row, 2), factors);
            d = TOp.Combine(d, TOp.Load(row, 3), factors);
            e = TOp.Combine(e, TOp.Load(row, 4), factors);
            f = TOp.Combine(f, TOp.Load(row, 5), factors);
            g = TOp.Combine(g, TOp.Load(row, 6), factors);
            h = TOp.Combine(h, Last(row, 7, last), factors);
            if (TOp.SharesBias) bias += factors.Shared;
        }

        Vector<float> shared = new(bias);
        Unsafe.WriteUnaligned(sums, Finish(a, shared));
        Unsafe.WriteUnaligned(sums + Vector<float>.Count, Finish(b, shared));
        Unsafe.WriteUnaligned(sums + (2 * Vector<float>.Count), Finish(c, shared));
        Unsafe.WriteUnaligned(sums + (3 * Vector<float>.Count), Finish(d, shared));
        Unsafe.WriteUnaligned(sums + (4 * Vector<float>.Count), Finish(e, shared));
        Unsafe.WriteUnaligned(sums + (5 * Vector<float>.Count), Finish(f, shared));
        Unsafe.WriteUnaligned(sums + (6 * Vector<float>.Count), Finish(g, shared));
        Unsafe.WriteUnaligned(sums + last, Finish(h, shared));
    }

    private static void Sweep4(in PoolRows<TIndex> rows, int start, int end, nint position, nint last, float* sums)
    {
        Loop loop = new(rows, position);
        RowFactors factors = loop.Factors(start);
        byte* row = loop.Row(start);
        Vector<float> a = TOp.Start(TOp.Load(row, 0), factors);
        Vector<float> b = TOp.Start(TOp.Load(row, 1), factors);
        Vector<float> c = TOp.Start(TOp.Load(row, 2), factors);
        Vector<float> d = TOp.Start(Last(row, 3, last), factors);
        float bias = 0;
        for (int i = start; i < end; i++)
        {
            loop.Ahead(i, 4);
            row = loop.Row(i);
            factors = loop.Factors(i);
            a = TOp.Combine(a, TOp.Load(row, 0), factors);
            b = TOp.Combine(b, TOp.Load(row, 1), factors);
            c = TOp.Combine(c, TOp.Load(row, 2), factors);
            d = TOp.Combine(d, Last(row, 3, last), factors);
            if (TOp.SharesBias) bias += factors.Shared;
        }

        Vector<float> shared = new(bias);
        Unsafe.WriteUnaligned(sums, Finish(a, shared));
        Unsafe.WriteUnaligned(sums + Vector<float>.Count, Finish(b, shared));
        Unsafe.WriteUnaligned(sums + (2 * Vector<float>.Count), Finish(c, shared));
        Unsafe.WriteUnaligned(sums + last, Finish(d, shared));
    }

    private static void Sweep2(in PoolRows<TIndex> rows, int start, int end, nint position, nint last, float* sums)
    {
        Loop loop = new(rows, position);
        RowFactors factors = loop.Factors(start);
        byte* row = loop.Row(start);
        Vector<float> a = TOp.Start(TOp.Load(row, 0), factors);
        Vector<float> b = TOp.Start(Last(row, 1, last), factors);
        for (int i = start; i < end; i++)
        {
            loop.Ahead(i, 2);
            row = loop.Row(i);
            factors = loop.Factors(i);
            a = TOp.Combine(a, TOp.Load(row, 0), factors);
            b = TOp.Combine(b, Last(row, 1, last), factors);
        }

        Unsafe.WriteUnaligned(sums, a);
        Unsafe.WriteUnaligned(sums + last, b);
    }

    private static void Sweep1(in PoolRows<TIndex> rows, int start, int end, nint position, float* sums)
    {
        Loop loop = new(rows, position);
        RowFactors factors = loop.Factors(start);
        byte* row = loop.Row(start);
        Vector<float> a = TOp.Start(TOp.Load(row, 0), factors);
        for (int i = start; i < end; i++)
        {
            loop.Ahead(i, 1);
            row = loop.Row(i);
            factors = loop.Factors(i);
            a = TOp.Combine(a, TOp.Load(row, 0), factors);
        }

        Unsafe.WriteUnaligned(sums, a);
    }

    /// <summary>The last vector of a sweep, which overlaps the one before it where columns are in order and the row ends there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Last(byte* row, int k, nint column) =>
        TOp.Parts == 1 ? TOp.Load(row + (column * (TOp.Bits / 8)), 0) : TOp.Load(row, k);

    /// <summary>Codecs with a bias share a load among four vectors or more, so that only sweeps of so many have one to add.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Finish(Vector<float> sum, Vector<float> shared) => TOp.SharesBias ? sum + shared : sum;

    /// <summary>What a sweep's loop reads, in locals: through the reference it would be loaded again for every row.</summary>
    private readonly ref struct Loop
    {
        private readonly byte* _first;
        private readonly nint _stride;
        private readonly float* _side;
        private readonly TIndex* _indices;
        private readonly float* _weights;
        private readonly float* _limits;
        private readonly int _last;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Loop(in PoolRows<TIndex> rows, nint position)
        {
            _first = rows.Start + (position * TOp.Bits / 8);
            _stride = rows.Stride;
            _side = rows.Side;
            _indices = rows.Indices;
            _weights = rows.Weights;
            _limits = rows.Limits;
            _last = rows.Last;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public byte* Row(int i) => _first + (nint.CreateTruncating(_indices[i]) * _stride);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public RowFactors Factors(int i) => TOp.Factors(TOp.Affine ? _side + (2 * nint.CreateTruncating(_indices[i])) : null, _weights, _limits, i);

        /// <summary>Asks for the bytes of the row some places on in the list, across the border of the bag.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Ahead(int i, int vectors)
        {
            int bytes = vectors * Vector<float>.Count * TOp.Bits / 8;
            nint index = nint.CreateTruncating(_indices[int.Min(i + Prefetch.Distance(bytes), _last)]);
            Prefetch.Lines(_first + (index * _stride), bytes, _stride);
            if (TOp.Affine) Prefetch.Lines((byte*)(_side + (2 * index)), 8);
        }
    }
}
