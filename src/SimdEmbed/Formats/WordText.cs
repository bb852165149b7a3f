using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SimdEmbed.Formats;

/// <summary>word2vec's and GloVe's text files: blocks of lines are parsed on several threads and taken over in the file's order.</summary>
internal sealed class WordText
{
    private readonly WordSource _source;
    private readonly LineBlocks _blocks;
    private readonly WordHead _head;
    private readonly WordOptions _options;
    private readonly CancellationToken _cancellation;
    private readonly WordRows _rows;
    private readonly Lock _reading = new();
    private readonly object _turn = new();
    private int _next;
    private bool _isStopped;
    private bool _isFailed;
    private Exception? _exception;
    private FormatError _error;
    private FormatError _firstSkipped;
    private long _skipped;
    private long _emptyLines;
    private long _emptyLine;
    private long _emptyOffset;

    private WordText(WordSource source, WordHead head, WordRows rows, WordOptions options, CancellationToken cancellationToken)
    {
        _source = source;
        _head = head;
        _rows = rows;
        _options = options;
        _cancellation = cancellationToken;
        _blocks = new LineBlocks(source, head, options.BlockBytes);
    }

    /// <summary>Whether a word comes back from a text file as it went in.</summary>
    public static bool CanWrite(ReadOnlySpan<byte> word, WordFormat format)
    {
        if (word.Length is 0 or > WordLine.LongestWord || word.Contains((byte)'\n')) return false;
        return !word.Contains((byte)' ') || (format == WordFormat.GloVe && word[0] != ' ' && !WordLine.EndsInNumber(word));
    }

    /// <summary>How many lines of at least their shortest length a file without a header has; it is read once for this.</summary>
    public static bool TryCount(
        WordSource source, WordHead head, WordOptions options, CancellationToken cancellationToken, out long rows, ref FormatError error)
    {
        rows = 0;
        LineBlocks blocks = new(source, head, options.BlockBytes);
        LineBlock block = new();
        if (!LineBlocks.TrySkip(source, head.Start, ref error)) return false;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!blocks.TryNext(block, ref error)) return false;
            rows += block.Lines;
        }
        while (block.Length > 0);

        // Shorter lines are malformed: they do not ask for memory.
        rows = long.Min(rows, MostRows(source.Position - head.Start, head.Dim));
        return true;
    }

    /// <param name="source">The file, at its start.</param>
    /// <param name="head">What it is.</param>
    /// <param name="counted">The rows of a file without a header.</param>
    /// <param name="options">How to read.</param>
    /// <param name="cancellationToken">Asked at each block.</param>
    /// <param name="table">The words and their rows.</param>
    /// <param name="duplicates">Words that were there already.</param>
    /// <param name="skipped">Lines that were passed over.</param>
    /// <param name="firstSkipped">What was wrong with the first of them.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryLoad(
        WordSource source,
        WordHead head,
        long counted,
        WordOptions options,
        CancellationToken cancellationToken,
        out WordTable? table,
        out long duplicates,
        out long skipped,
        out FormatError firstSkipped,
        ref FormatError error)
    {
        table = null;
        duplicates = skipped = 0;
        firstSkipped = default;
        long rows = head.Rows ?? counted;

        // A header that promises more than the file can hold gets no memory for it; reading on finds the line that is too short.
        if (!source.IsCompressed) rows = long.Min(rows, MostRows(source.FileLength - head.Start, head.Dim));
        if (!WordRows.TryCreate(source, head, rows, options, out WordRows? made, ref error)) return false;
        using (made)
        {
            if (!LineBlocks.TrySkip(source, head.Start, ref error)) return false;
            WordText text = new(source, head, made, options, cancellationToken);
            if (!text.TryRun(ref error)) return false;
            duplicates = made.Duplicates;
            skipped = text._skipped;
            firstSkipped = text._firstSkipped;
            table = made.Finish();
            return true;
        }
    }

    public static void Write(Stream stream, EmbeddingTable table, Vocabulary vocabulary, bool hasHeader, CancellationToken cancellationToken)
    {
        if (hasHeader) stream.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{table.RowCount} {table.Dim}\n")));
        Span<byte> number = stackalloc byte[32];
        float[] values = new float[table.Dim];
        for (int row = 0; row < vocabulary.Count; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            stream.Write(vocabulary.GetUtf8(row));
            table.CopyRowTo(row, values);
            foreach (float value in values)
            {
                number[0] = (byte)' ';
                stream.Write(number[..(1 + Format(value, number[1..]))]);
            }

            stream.Write("\n"u8);
        }
    }

    /// <summary>The shortest text that reads back to the same float; infinities and NaN as C and Python write and read them.</summary>
    private static int Format(float value, Span<byte> text)
    {
        if (float.IsFinite(value))
        {
            bool fits = Utf8Formatter.TryFormat(value, text, out int written);
            Debug.Assert(fits, "32 bytes hold any float");
            return written;
        }

        ReadOnlySpan<byte> name = float.IsNaN(value) ? "nan"u8 : value > 0 ? "inf"u8 : "-inf"u8;
        name.CopyTo(text);
        return name.Length;
    }

    /// <summary>A line has a byte of word, a space and a digit for each number, and a line feed that only the last may lack.</summary>
    private static long MostRows(long bytes, int dim) => (bytes + 1) / ((2L * dim) + 2);

    private bool TryRun(ref FormatError error)
    {
        int degree = _options.Degree > 0 ? _options.Degree : Environment.ProcessorCount;
        degree = (int)long.Clamp(_source.FileLength / _options.BlockBytes, 1, degree);
        if (degree == 1) Work();
        else Parallel.For(0, degree, new ParallelOptions { MaxDegreeOfParallelism = degree }, _ => Work());

        if (_exception != null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_exception);
        if (_isFailed)
        {
            error = _error;
            return false;
        }

        long read = _rows.Count + _rows.Duplicates;
        if (_options.SkipBad || _head.Rows is not long promised || read == promised) return true;
        return error.FailLine("word-rows", 1, 0, $"it promises {promised} rows; {read} follow");
    }

    /// <summary>Takes block after block until there is none. What goes wrong here must not end the thread.</summary>
    private void Work()
    {
        try
        {
            LineBlock block = new();
            WordBlock parsed = new(_head.Dim);
            bool isRead = true;
            while (isRead)
            {
                FormatError error = default;
                lock (_reading)
                {
                    if (Volatile.Read(ref _isStopped)) return;
                    _cancellation.ThrowIfCancellationRequested();
                    isRead = _blocks.TryNext(block, ref error);
                }

                if (isRead && block.Length == 0) return;
                parsed.Parse(block, _options.SkipBad);
                if (!TryTakeOver(block, parsed, isRead, error)) return;
                parsed.CopyRows(_rows);
            }
        }
        catch (Exception e)
        {
            lock (_turn)
            {
                _exception ??= e;
                Stop();
            }
        }
    }

    /// <summary>Waits for the blocks in front of this one, then gives its words their rows.</summary>
    private bool TryTakeOver(LineBlock block, WordBlock parsed, bool isRead, FormatError error)
    {
        lock (_turn)
        {
            while (_next != block.Index && !_isStopped) Monitor.Wait(_turn);
            if (_isStopped) return false;
            _isFailed = !TryAdd(block, parsed);
            if (!_isFailed && !isRead)
            {
                _error = error;
                _isFailed = true;
            }

            if (_isFailed)
            {
                Stop();
                return false;
            }

            _next++;
            Monitor.PulseAll(_turn);
            _options.Progress?.Report(new WordProgress { Bytes = block.FilePosition, TotalBytes = _source.FileLength, Rows = _rows.Count });
            return true;
        }
    }

    private bool TryAdd(LineBlock block, WordBlock parsed)
    {
        for (int i = 0; i < parsed.Count; i++)
        {
            long line = block.FirstLine + i;
            long offset = block.Offset + parsed.Start(i);
            int length = parsed.WordLength(i);
            if (length == WordBlock.Empty)
            {
                // At the end of a file they are none; a line that follows makes them malformed.
                if (_emptyLines++ == 0) (_emptyLine, _emptyOffset) = (line, offset);
                continue;
            }

            if (_emptyLines > 0 && !TrySkip("word-line", _emptyLine, _emptyOffset, "it is empty")) return false;
            if (_emptyLines > 1) _skipped += _emptyLines - 1;
            _emptyLines = 0;
            if (length == WordBlock.Bad)
            {
                (string rule, string message) = parsed.Explain(i);
                if (!TrySkip(rule, line, offset, message)) return false;
            }
            else if (_rows.Count + _rows.Duplicates == _rows.Capacity)
            {
                if (!TrySkip("word-rows", line, offset, $"it is one more than the {_rows.Capacity} rows expected")) return false;
            }
            else
            {
                parsed.SetRow(i, _rows.Add(parsed.Word(i)));
            }
        }

        return true;
    }

    private bool TrySkip(string rule, long line, long offset, string message)
    {
        FormatError found = default;
        found.FailLine(rule, line, offset, message);
        if (!_options.SkipBad)
        {
            _error = found;
            return false;
        }

        if (_skipped++ == 0) _firstSkipped = found;
        return true;
    }

    private void Stop()
    {
        Volatile.Write(ref _isStopped, true);
        Monitor.PulseAll(_turn);
    }
}
