using System.Numerics;

namespace SimdEmbed.Tables;

/// <summary>
/// Which rows of a table were written since a checkpoint: one bit for each row. Tables beyond <see cref="MostBits"/> rows share a bit between
/// neighbours, so that the memory stays small for any table, and more rows than were written count as written.
/// </summary>
internal sealed unsafe class WrittenRows : IDisposable
{
    /// <summary>16 MB of bits.</summary>
    public const long MostBits = 1L << 27;

    private const int WordShift = 6;
    private const int WordBits = 1 << WordShift;

    private readonly AlignedMemory _memory;
    private readonly long _rows;
    private readonly long _bits;
    private readonly int _shift;

    /// <summary>Begins with every row marked, because no checkpoint is known.</summary>
    public WrittenRows(long rows, long mostBits = MostBits)
    {
        _rows = rows;
        while (BitsFor(rows, _shift) > mostBits) _shift++;
        _bits = BitsFor(rows, _shift);
        _memory = new AlignedMemory((UInt128)Words * sizeof(ulong), $"a bit for each of {rows} rows");
        MarkAll();
    }

    /// <summary>What the rows that are not marked are the same as; null when nothing is known.</summary>
    public string? Since { get; private set; }

    /// <summary>How many rows <see cref="Next"/> goes through.</summary>
    public long Count
    {
        get
        {
            long marked = 0;
            ulong* words = Bits;
            for (long i = 0; i < Words; i++) marked += BitOperations.PopCount(words[i]);
            long rows = marked << _shift;
            bool isLastShort = _bits > 0 && IsMarked(_bits - 1);
            return isLastShort ? rows - ((_bits << _shift) - _rows) : rows;
        }
    }

    public void Mark(long row)
    {
        long bit = row >> _shift;
        Bits[bit >> WordShift] |= 1UL << (int)bit;
    }

    /// <summary>Marks a list of rows, or the first <paramref name="count"/> where there is none. One thread marks at a time: neighbours share a word.</summary>
    public void Mark(long* rows, long count)
    {
        if (rows == null)
        {
            for (long row = 0; row < count; row++) Mark(row);
            return;
        }

        ulong* words = Bits;
        int shift = _shift;
        for (long i = 0; i < count; i++)
        {
            long bit = rows[i] >> shift;
            words[bit >> WordShift] |= 1UL << (int)bit;
        }
    }

    public void MarkAll()
    {
        new Span<byte>(_memory.Start, (int)_memory.Bytes).Fill(byte.MaxValue);
        int last = (int)(_bits % WordBits);
        if (last != 0) Bits[Words - 1] = (1UL << last) - 1;
    }

    /// <summary>Begins anew: all rows are what <paramref name="since"/> has.</summary>
    public void Restart(string? since)
    {
        _memory.Clear();
        Since = since;
    }

    /// <summary>The first marked row from <paramref name="row"/> on; the number of rows when there is none.</summary>
    public long Next(long row)
    {
        long bit = row >> _shift;
        if (row >= _rows) return _rows;
        if (IsMarked(bit)) return row;
        long word = bit >> WordShift;
        ulong left = Bits[word] & (ulong.MaxValue << (int)bit);
        while (left == 0)
        {
            if (++word == Words) return _rows;
            left = Bits[word];
        }

        return ((word * WordBits) + BitOperations.TrailingZeroCount(left)) << _shift;
    }

    public void Dispose() => _memory.Dispose();

    private long Words => (_bits + WordBits - 1) / WordBits;

    private ulong* Bits => (ulong*)_memory.Start;

    private bool IsMarked(long bit) => (Bits[bit >> WordShift] & (1UL << (int)bit)) != 0;

    private static long BitsFor(long rows, int shift) => (rows >> shift) + ((rows & ((1L << shift) - 1)) != 0 ? 1 : 0);
}
