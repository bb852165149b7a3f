using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace SimdEmbed.Formats;

/// <summary>word2vec's binary file.</summary>
internal static class Word2VecBinary
{
    /// <summary>Whether a word comes back from a file as it went in: it ends at a space, and line feeds before it are skipped.</summary>
    public static bool CanWrite(ReadOnlySpan<byte> word) =>
        word.Length is > 0 and <= WordLine.LongestWord && !word.Contains((byte)' ') && word[0] != '\n';

    public static bool TryLoad(
        WordSource source, WordHead head, WordOptions options, CancellationToken cancellationToken, out WordTable? table, out long duplicates, ref FormatError error)
    {
        table = null;
        duplicates = 0;
        long promised = head.Rows!.Value;

        // A word, its space, its floats: the line feed at the end is optional.
        UInt128 least = (UInt128)promised * (((UInt128)head.Dim * sizeof(float)) + 2);
        if (!source.IsCompressed && least > (UInt128)(source.FileLength - head.Start))
        {
            return error.Fail(
                "word-rows", head.Start, $"its header promises {promised} rows of {head.Dim} columns, at least {least} bytes; {source.FileLength - head.Start} follow");
        }

        if (!WordRows.TryCreate(source, head, promised, options, out WordRows? rows, ref error)) return false;
        using (rows)
        {
            Reader reader = new(source);
            if (!LineBlocks.TrySkip(source, head.Start, ref error)) return false;
            Span<byte> word = new byte[source.IsCompressed ? WordLine.LongestWord : long.Min(WordLine.LongestWord, source.FileLength)];
            for (long i = 0; i < promised; i++)
            {
                if (reader.IsRefilled)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    options.Progress?.Report(new WordProgress { Bytes = source.FilePosition, TotalBytes = source.FileLength, Rows = rows.Count });
                    reader.IsRefilled = false;
                }

                if (!reader.TryReadWord(word, i, out int length, ref error)) return false;

                // Into the next free row; a word that is there already leaves it to the next one.
                if (!reader.TryRead(MemoryMarshal.AsBytes(rows[rows.Count]), i, ref error)) return false;
                rows.Add(word[..length]);
            }

            if (!reader.TryReadEnd(ref error)) return false;
            options.Progress?.Report(new WordProgress { Bytes = source.FileLength, TotalBytes = source.FileLength, Rows = rows.Count });
            duplicates = rows.Duplicates;
            table = rows.Finish();
            return true;
        }
    }

    public static void Write(Stream stream, EmbeddingTable table, Vocabulary vocabulary, CancellationToken cancellationToken)
    {
        stream.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{table.RowCount} {table.Dim}\n")));
        float[] values = new float[table.Dim];
        for (int row = 0; row < vocabulary.Count; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            stream.Write(vocabulary.GetUtf8(row));
            stream.Write(" "u8);
            table.CopyRowTo(row, values);
            stream.Write(MemoryMarshal.AsBytes(values.AsSpan()));
            stream.Write("\n"u8);
        }
    }

    /// <summary>Words and floats through one buffer; rows that are longer than what it holds go to their place directly.</summary>
    private sealed class Reader(WordSource source)
    {
        private const int BufferBytes = 1 << 20;

        private readonly byte[] _buffer = new byte[source.Block(BufferBytes)];
        private int _start;
        private int _end;

        public bool IsRefilled { get; set; } = true;

        private long Offset => source.Position - (_end - _start);

        public bool TryReadWord(Span<byte> word, long row, out int length, ref FormatError error)
        {
            length = 0;
            bool isStart = true;
            while (true)
            {
                if (_start == _end && !TryFill(ref error)) return false;
                if (_end == 0) return Ends(row, ref error);
                if (isStart)
                {
                    if (_buffer[_start] == '\n')
                    {
                        _start++;
                        continue;
                    }

                    isStart = false;
                }

                ReadOnlySpan<byte> ahead = _buffer.AsSpan(_start, _end - _start);
                int space = ahead.IndexOf((byte)' ');
                ReadOnlySpan<byte> part = space < 0 ? ahead : ahead[..space];
                if (part.Length > word.Length - length)
                {
                    return error.Fail("word-length", Offset, $"row {row}: no space ends the word within {word.Length} bytes");
                }

                part.CopyTo(word[length..]);
                length += part.Length;
                _start += part.Length;
                if (space < 0) continue;
                _start++;
                return length > 0 || error.Fail("word-empty", Offset - 1, $"row {row} has no word");
            }
        }

        public bool TryRead(Span<byte> destination, long row, ref FormatError error)
        {
            int buffered = int.Min(destination.Length, _end - _start);
            _buffer.AsSpan(_start, buffered).CopyTo(destination);
            _start += buffered;
            destination = destination[buffered..];
            if (destination.Length < BufferBytes)
            {
                if (destination.IsEmpty) return true;
                if (!TryFill(ref error)) return false;
                if (_end < destination.Length) return Ends(row, ref error);
                _buffer.AsSpan(0, destination.Length).CopyTo(destination);
                _start = destination.Length;
                return true;
            }

            IsRefilled = true;
            return source.TryRead(destination, out int read, ref error) && (read == destination.Length || Ends(row, ref error));
        }

        /// <summary>Behind the last row there may be line feeds, and nothing else.</summary>
        public bool TryReadEnd(ref FormatError error)
        {
            while (true)
            {
                int more = _buffer.AsSpan(_start, _end - _start).IndexOfAnyExcept((byte)'\n');
                if (more >= 0) return error.Fail("word-rows", Offset + more, "more follows the rows its header promises");
                if (!TryFill(ref error)) return false;
                if (_end == 0) return true;
            }
        }

        private bool TryFill(ref FormatError error)
        {
            _start = 0;
            IsRefilled = true;
            return source.TryRead(_buffer, out _end, ref error);
        }

        private bool Ends(long row, ref FormatError error) =>
            error.Fail("word-rows", source.Position, $"the file ends in row {row}; its header promises more");
    }
}
