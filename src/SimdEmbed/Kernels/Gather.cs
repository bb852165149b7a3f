using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>
/// The lookup walker: rows as they are, so that -0.0 and the payload of a NaN survive, or <c>code * scale + bias</c>, the product
/// rounded before the sum.
/// </summary>
internal static unsafe class Gather<TIndex, TCodec>
    where TIndex : unmanaged, IBinaryInteger<TIndex>
    where TCodec : struct, IRowCodec
{
    /// <summary>
    /// Below this count nothing is asked for ahead: a batch hardly longer than the distance would ask for its last row over and over,
    /// which cost 32 warm rows of 64 floats 80 % of their time.
    /// </summary>
    private const int Few = 64;

    /// <summary>
    /// Writes row <c>indices[i]</c> to row <c>i</c> of <paramref name="output"/>. Inlined into the caller, because a batch of one row
    /// costs little more than the call of a function.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(in RowView table, TIndex* indices, int count, float* output)
    {
        if (count >= Few || NeedsCare(table))
        {
            RunAhead(table, indices, count, null, output);
            return;
        }

        byte* rows = table.Rows;
        nint stride = table.Stride;
        nint dim = table.Dim;
        for (int i = 0; i < count; i++, output += dim)
        {
            nint index = nint.CreateTruncating(indices[i]);
            Row(rows + (index * stride), TCodec.Affine ? table.Side + (2 * index) : null, dim, output);
        }
    }

    /// <summary>As <see cref="Run"/>, for many rows: row <c>i</c> goes to row <c>targets[i]</c>, unless that is null.</summary>
    public static void RunAhead(in RowView table, TIndex* indices, int count, long* targets, float* output)
    {
        if (targets != null || TCodec.Parts > 1 || table.Dim < Vector<float>.Count)
        {
            Scattered(table, indices, count, targets, output);
            return;
        }

        // The short loop of most batches: the fewer instructions a row has, the more rows are on their way at once.
        byte* rows = table.Rows;
        nint stride = table.Stride;
        nint dim = table.Dim;
        int distance = Distance(stride);
        for (int i = 0; i < count; i++, output += dim)
        {
            Prefetch.Row(rows + (nint.CreateTruncating(indices[int.Min(i + distance, count - 1)]) * stride), stride);
            Row(rows + (nint.CreateTruncating(indices[i]) * stride), null, dim, output);
        }
    }

    private static void Scattered(in RowView table, TIndex* indices, int count, long* targets, float* output)
    {
        bool narrow = NeedsCare(table);
        byte* rows = table.Rows;
        nint stride = table.Stride;
        nint dim = table.Dim;
        float* side = table.Side;
        int distance = Distance(stride);
        for (int i = 0; i < count; i++)
        {
            nint ahead = nint.CreateTruncating(indices[int.Min(i + distance, count - 1)]);
            Prefetch.Row(rows + (ahead * stride), stride);
            if (TCodec.Affine) Prefetch.Lines((byte*)(side + (2 * ahead)), 8);
            nint index = nint.CreateTruncating(indices[i]);
            byte* row = rows + (index * stride);
            float* target = output + ((targets == null ? i : (nint)targets[i]) * dim);
            if (narrow) Narrow(row, dim, target);
            else Row(row, TCodec.Affine ? side + (2 * index) : null, dim, target);
        }
    }

    /// <summary>Rows of one or two cache lines are soon done with: 40 ahead measured 1.4 times faster than 16 where they are mostly warm.</summary>
    private static int Distance(nint bytes) => bytes <= 128 ? 40 : 16;

    /// <summary>Decodes one row; <paramref name="side"/> is its own pair.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Row(byte* row, float* side, nint dim, float* target)
    {
        nint width = Vector<float>.Count;
        if (TCodec.Parts > 1)
        {
            nint words = dim / (TCodec.Parts * IRowCodec.Group) * IRowCodec.Group;
            if (words > 0) Groups(row, side, words, target);
            if (words * TCodec.Parts < dim) LastGroup(row + (words * sizeof(uint)), side, dim - (words * TCodec.Parts), target + (words * TCodec.Parts));
            return;
        }

        if (dim < width)
        {
            OneVector(row, dim, target);
            return;
        }

        // Eight loads and then eight stores, because the compiler may not move a load before a store that could overlap it.
        nint column = 0;
        for (; column <= dim - (8 * width); column += 8 * width)
        {
            byte* at = row + (column * (TCodec.Bits / 8));
            float* to = target + column;
            Vector<float> a = TCodec.Load(at, 0), b = TCodec.Load(at, 1), c = TCodec.Load(at, 2), d = TCodec.Load(at, 3);
            Vector<float> e = TCodec.Load(at, 4), f = TCodec.Load(at, 5), g = TCodec.Load(at, 6), h = TCodec.Load(at, 7);
            Unsafe.WriteUnaligned(to, a);
            Unsafe.WriteUnaligned(to + width, b);
            Unsafe.WriteUnaligned(to + (2 * width), c);
            Unsafe.WriteUnaligned(to + (3 * width), d);
            Unsafe.WriteUnaligned(to + (4 * width), e);
            Unsafe.WriteUnaligned(to + (5 * width), f);
            Unsafe.WriteUnaligned(to + (6 * width), g);
            Unsafe.WriteUnaligned(to + (7 * width), h);
        }

        if (column == dim) return;
        if (column <= dim - (4 * width))
        {
            byte* at = row + (column * (TCodec.Bits / 8));
            Vector<float> a = TCodec.Load(at, 0), b = TCodec.Load(at, 1), c = TCodec.Load(at, 2), d = TCodec.Load(at, 3);
            Unsafe.WriteUnaligned(target + column, a);
            Unsafe.WriteUnaligned(target + column + width, b);
            Unsafe.WriteUnaligned(target + column + (2 * width), c);
            Unsafe.WriteUnaligned(target + column + (3 * width), d);
            column += 4 * width;
        }

        if (column <= dim - (2 * width))
        {
            byte* at = row + (column * (TCodec.Bits / 8));
            Vector<float> a = TCodec.Load(at, 0), b = TCodec.Load(at, 1);
            Unsafe.WriteUnaligned(target + column, a);
            Unsafe.WriteUnaligned(target + column + width, b);
            column += 2 * width;
        }

        // The last two vectors overlap: what is written twice is the same. One by one, warm rows of 9 to 15 columns cost 1.6 times one of 16.
        if (column == dim) return;
        nint last = dim - width;
        nint before = nint.Max(last - width, 0);
        Vector<float> y = TCodec.Load(row + (before * (TCodec.Bits / 8)), 0), z = TCodec.Load(row + (last * (TCodec.Bits / 8)), 0);
        Unsafe.WriteUnaligned(target + before, y);
        Unsafe.WriteUnaligned(target + last, z);
    }

    /// <summary>The whole groups of a row's words: each vector's columns lie side by side.</summary>
    private static void Groups(byte* row, float* side, nint words, float* target)
    {
        Vector<float> scale = TCodec.Affine ? new Vector<float>(side[0]) : default;
        Vector<float> bias = TCodec.Affine ? new Vector<float>(side[1]) : default;
        for (nint word = 0; word < words; word += Vector<float>.Count)
        {
            byte* at = row + (word * sizeof(uint));
            float* to = target + ((word & ~(nint)(IRowCodec.Group - 1)) * TCodec.Parts) + (word & (IRowCodec.Group - 1));
            FourParts(at, 0, scale, bias, to);
            if (TCodec.Parts > 4) FourParts(at, 4, scale, bias, to);
            if (TCodec.Parts <= 8) continue;
            FourParts(at, 8, scale, bias, to);
            FourParts(at, 12, scale, bias, to);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourParts(byte* at, int k, Vector<float> scale, Vector<float> bias, float* to)
    {
        Vector<float> a = Value(at, k, scale, bias), b = Value(at, k + 1, scale, bias), c = Value(at, k + 2, scale, bias), d = Value(at, k + 3, scale, bias);
        Unsafe.WriteUnaligned(to + (k * IRowCodec.Group), a);
        Unsafe.WriteUnaligned(to + ((k + 1) * IRowCodec.Group), b);
        Unsafe.WriteUnaligned(to + ((k + 2) * IRowCodec.Group), c);
        Unsafe.WriteUnaligned(to + ((k + 3) * IRowCodec.Group), d);
    }

    /// <summary>
    /// The last group, of fewer words. What a vector has beyond the group's words lands on columns of the parts that follow, which are written
    /// later; only where it would go beyond the last column is it cut.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LastGroup(byte* row, float* side, nint columns, float* target)
    {
        nint width = Vector<float>.Count;
        nint words = (columns + TCodec.Parts - 1) / TCodec.Parts;
        Vector<float> scale = TCodec.Affine ? new Vector<float>(side[0]) : default;
        Vector<float> bias = TCodec.Affine ? new Vector<float>(side[1]) : default;
        float* cut = stackalloc float[Vector<float>.Count];
        for (int part = 0; part < TCodec.Parts; part++)
        {
            for (nint word = 0; word < words; word += width)
            {
                nint column = (part * words) + word;
                if (column >= columns) return;
                Vector<float> value = Value(row + (word * sizeof(uint)), part, scale, bias);
                if (column <= columns - width)
                {
                    Unsafe.WriteUnaligned(target + column, value);
                    continue;
                }

                Unsafe.WriteUnaligned(cut, value);
                nint left = nint.Min(words - word, columns - column);
                new ReadOnlySpan<float>(cut, (int)left).CopyTo(new Span<float>(target + column, (int)left));
            }
        }
    }

    /// <summary>Columns in order, fewer than a vector has. Inlined, its stack memory would cost every lookup of one row.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void OneVector(byte* row, nint dim, float* target)
    {
        float* values = stackalloc float[Vector<float>.Count];
        Unsafe.WriteUnaligned(values, TCodec.Load(row, 0));
        new ReadOnlySpan<float>(values, (int)dim).CopyTo(new Span<float>(target, (int)dim));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Value(byte* row, int k, Vector<float> scale, Vector<float> bias)
    {
        Vector<float> value = TCodec.Load(row, k);
        return TCodec.Affine ? (value * scale) + bias : value;
    }

    private static void Narrow(byte* row, nint dim, float* target)
    {
        for (nint column = 0; column < dim; column++) target[column] = ((float*)row)[column];
    }

    /// <summary>Whether a whole vector would read beyond memory that is ours.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool NeedsCare(in RowView table) => TCodec.Bits == 32 && table.Dim < Vector<float>.Count && !table.Padded;
}
