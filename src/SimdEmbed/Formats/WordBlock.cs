namespace SimdEmbed.Formats;

/// <summary>The lines of one block, parsed: where each word lies, and the rows of the well-formed lines side by side.</summary>
internal sealed unsafe class WordBlock(int dim)
{
    /// <summary>In place of a word's length: a line of no bytes, and a malformed one.</summary>
    public const int Empty = 0;
    public const int Bad = -1;

    /// <summary>Blocks differ a little in their lines: one part of so many more, and few of them need new memory.</summary>
    private const int Spare = 8;

    private byte[] _text = [];
    private float[] _rows = [];
    private Line[] _lines = [];

    /// <summary>The number of lines; the last of them is the first malformed one if it was not to be skipped.</summary>
    public int Count { get; private set; }

    /// <summary>Parses a block, whose text must stay until it is done with.</summary>
    public void Parse(LineBlock block, bool skipBad)
    {
        // A number takes two bytes at least, a space and a digit; what no line has room for is not written either.
        long floats = long.Min(block.Length / 2, (long)block.Lines * dim);
        if (_rows.Length < floats) _rows = new float[floats + (floats / Spare)];
        if (_lines.Length < block.Lines) _lines = new Line[block.Lines + (block.Lines / Spare)];
        _text = block.Buffer;
        Count = 0;
        int written = 0;
        fixed (byte* text = block.Buffer)
        fixed (float* rows = _rows)
        {
            int start = 0;
            while (Count < block.Lines)
            {
                byte* line = text + start;
                int length = block.Buffer.AsSpan(start, block.Length - start).IndexOf((byte)'\n');
                byte* end = WordLine.TrimEnd(line, line + length);
                int word = Empty;
                if (end > line) word = WordLine.TryParse(line, end, rows + written, dim, out int found) ? found : Bad;
                _lines[Count++] = new Line(start, (int)(end - line), word, -1);
                if (word == Bad && !skipBad) return;
                if (word > 0) written += dim;
                start += length + 1;
            }
        }
    }

    /// <summary>The length of a line's word, or <see cref="Empty"/> or <see cref="Bad"/>.</summary>
    public int WordLength(int line) => _lines[line].Word;

    public int Start(int line) => _lines[line].Start;

    public ReadOnlySpan<byte> Word(int line) => _text.AsSpan(_lines[line].Start, _lines[line].Word);

    /// <summary>Says which row of the table a line's numbers belong to; -1, as at first, for none.</summary>
    public void SetRow(int line, int row) => _lines[line] = _lines[line] with { Row = row };

    public void CopyRows(WordRows table)
    {
        int floats = 0;
        foreach (Line line in _lines.AsSpan(0, Count))
        {
            if (line.Word <= 0) continue;
            if (line.Row >= 0) _rows.AsSpan(floats, dim).CopyTo(table[line.Row]);
            floats += dim;
        }
    }

    public (string Rule, string Message) Explain(int line)
    {
        fixed (byte* text = _text) return WordLine.Explain(text + _lines[line].Start, text + _lines[line].Start + _lines[line].Length, dim);
    }

    private readonly record struct Line(int Start, int Length, int Word, int Row);
}
