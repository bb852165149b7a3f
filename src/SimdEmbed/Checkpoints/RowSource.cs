using SimdEmbed.Formats;

namespace SimdEmbed.Checkpoints;

/// <summary>
/// The rows of a tensor as a chain of checkpoints has them: a full one's, and over them those of each delta, in order. Read from front to
/// back it goes through each file once.
/// </summary>
internal sealed unsafe class RowSource(TensorView whole, long rows, IReadOnlyList<RowOverlay> overlays, Action<long> report)
{
    public long Rows => rows;

    /// <summary>Reads bytes from <paramref name="skip"/> on.</summary>
    public bool TryRead(long skip, byte* destination, long count, ref FormatError error)
    {
        for (long done = 0; done < count;)
        {
            long piece = long.Min(count - done, RowTransfer.PieceBytes);
            if (!whole.Bytes.TryRead(skip + done, destination + done, piece, ref error)) return false;
            long read = piece;
            foreach (RowOverlay overlay in overlays)
            {
                if (!overlay.TryApply(skip + done, destination + done, piece, ref read, ref error)) return false;
            }

            done += piece;
            report(read);
        }

        return true;
    }

    /// <summary>Gives the buffers back; reading takes them again.</summary>
    public void Release()
    {
        foreach (RowOverlay overlay in overlays) overlay.Release();
    }

    /// <summary>Writes everything, as a full checkpoint has it.</summary>
    public bool TryCopy(Stream output, byte* piece, ref FormatError error)
    {
        for (long done = 0; done < whole.ByteLength; done += RowTransfer.PieceBytes)
        {
            int count = (int)long.Min(RowTransfer.PieceBytes, whole.ByteLength - done);
            if (!TryRead(done, piece, count, ref error)) return false;
            output.Write(new ReadOnlySpan<byte>(piece, count));
        }

        return true;
    }
}

/// <summary>Some rows of a tensor, from a delta: their numbers, ascending, and their values.</summary>
/// <param name="numbers">int64 <c>[count]</c>.</param>
/// <param name="values"><c>[count, columns]</c>.</param>
/// <param name="rows">The tensor's rows, of which these are some.</param>
internal sealed unsafe class RowOverlay(RowNumbers numbers, TensorView values, long rows)
{
    /// <summary>Small, because a chain may have hundreds of deltas, each with a buffer for every tensor that is being read.</summary>
    private const int BufferBytes = 1 << 14;

    private readonly long _rowBytes = numbers.Count == 0 ? 1 : long.Max(values.ByteLength / numbers.Count, 1);
    private byte[]? _buffer;
    private long _buffered = -1;
    private int _bufferedRows;
    private long _next;
    private long _place;

    /// <summary>Puts the rows that lie in a piece of the tensor's bytes over what is there.</summary>
    public bool TryApply(long start, byte* destination, long bytes, ref long read, ref FormatError error)
    {
        // From the front again: what was read to look at it is read once more to take it over.
        if (start <= _place) _next = 0;
        _place = start;
        long end = start + bytes;
        for (; _next < numbers.Count; _next++)
        {
            if (!numbers.TryGet(_next, rows, out long row, ref error)) return false;
            long begin = row * _rowBytes;
            if (begin >= end) break;
            if (begin + _rowBytes <= start) continue;
            long from = long.Max(begin, start);
            long count = long.Min(begin + _rowBytes, end) - from;
            if (!TryReadRow(_next, from - begin, destination + (from - start), count, ref error)) return false;
            read += count;

            // The rest of a row that the piece cuts comes with the next one.
            if (begin + _rowBytes > end) break;
        }

        return true;
    }

    public void Release()
    {
        _buffer = null;
        numbers.Release();
    }

    private bool TryReadRow(long index, long skip, byte* destination, long count, ref FormatError error)
    {
        if (_rowBytes > BufferBytes) return values.Bytes.TryRead((index * _rowBytes) + skip, destination, count, ref error);
        if (_buffer == null || index < _buffered || index >= _buffered + _bufferedRows)
        {
            _buffer ??= new byte[BufferBytes];
            _buffered = index;
            _bufferedRows = (int)long.Min(BufferBytes / _rowBytes, numbers.Count - index);
            fixed (byte* buffer = _buffer)
            {
                if (!values.Bytes.TryRead(index * _rowBytes, buffer, _bufferedRows * _rowBytes, ref error))
                {
                    _buffer = null;
                    return false;
                }
            }
        }

        _buffer.AsSpan((int)(((index - _buffered) * _rowBytes) + skip), (int)count).CopyTo(new Span<byte>(destination, (int)count));
        return true;
    }
}

/// <summary>The numbers of a delta's rows: each is looked at before it is used, whatever the file says.</summary>
internal sealed unsafe class RowNumbers(TensorView view)
{
    private const int WindowRows = 512;

    private long[]? _window;
    private long _first;
    private int _count;

    public long Count => view.Count;

    public bool TryGet(long index, long rows, out long row, ref FormatError error)
    {
        row = 0;
        if ((index < _first || index >= _first + _count) && !TryLoad(index, ref error)) return false;
        row = _window![index - _first];
        if ((ulong)row >= (ulong)rows) return error.Fail("checkpoint-rows", view.Place, $"there is row {row} of a table with rows 0..{rows - 1}");
        if (index > _first && row <= _window[index - _first - 1]) return error.Fail("checkpoint-rows", view.Place, $"row {row} is not behind the one before it");
        return true;
    }

    public void Release()
    {
        _window = null;
        _count = 0;
    }

    private bool TryLoad(long index, ref FormatError error)
    {
        // The one before comes along, to be compared with.
        _window ??= new long[WindowRows];
        _first = long.Max(index - 1, 0);
        _count = (int)long.Min(WindowRows, Count - _first);
        fixed (long* window = _window)
        {
            if (view.Bytes.TryRead(_first * sizeof(long), (byte*)window, (long)_count * sizeof(long), ref error)) return true;
        }

        _count = 0;
        return false;
    }
}
