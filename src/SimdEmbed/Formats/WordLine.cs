using System.Text;

namespace SimdEmbed.Formats;

/// <summary>
/// One line of a text file: a word, <c>dim</c> numbers, single spaces between them; a carriage return and spaces at the end belong
/// to no field. A word may contain spaces, so that the last <c>dim</c> fields are the numbers.
/// </summary>
internal static unsafe class WordLine
{
    public const int LongestWord = 1 << 16;

    /// <summary>Where the fields of a line end.</summary>
    public static byte* TrimEnd(byte* line, byte* end)
    {
        if (end > line && end[-1] == '\r') end--;
        while (end > line && end[-1] == ' ') end--;
        return end;
    }

    /// <summary>Reads a line whose end was trimmed and is followed by a byte that is part of no number.</summary>
    /// <param name="line">Its first byte.</param>
    /// <param name="end">The byte behind its last.</param>
    /// <param name="row">Room for the numbers.</param>
    /// <param name="dim">How many there must be.</param>
    /// <param name="wordLength">The first bytes of the line, which are the word.</param>
    public static bool TryParse(byte* line, byte* end, float* row, int dim, out int wordLength)
    {
        wordLength = new ReadOnlySpan<byte>(line, (int)(end - line)).IndexOf((byte)' ');
        if (wordLength <= 0) return false;
        return TryParseNumbers(line + wordLength, end, row, dim) ? wordLength <= LongestWord : TryParseSpaced(line, end, row, dim, out wordLength);
    }

    /// <summary>What is wrong with a line that <see cref="TryParse"/> refused, in words for the user.</summary>
    public static (string Rule, string Message) Explain(byte* line, byte* end, int dim)
    {
        ReadOnlySpan<byte> text = new(line, (int)(end - line));
        int fields = text.IsEmpty ? 0 : text.Count((byte)' ') + 1;
        if (text.IsEmpty) return ("word-line", "it is empty");
        if (text[0] == ' ') return ("word-empty", "it starts with a space; a word is expected");
        if (fields != dim + 1 && (fields < dim + 1 || EndsInNumber(text, dim + 1)))
        {
            return ("word-fields", $"it has {fields - 1} numbers; {dim} expected");
        }

        byte* at = line + WordEnd(text, dim);
        if (at - line > LongestWord) return ("word-length", $"its word has {at - line} bytes; at most {LongestWord} are read");
        for (int column = 0; column < dim; column++)
        {
            byte* number = at + 1;
            at = FloatText.Parse(number, end, out _);
            if (at != null) continue;
            ReadOnlySpan<byte> token = new(number, (int)(end - number));
            int space = token.IndexOf((byte)' ');
            string quoted = FormatError.Quote(Encoding.UTF8.GetString(space < 0 ? token : token[..space]));
            return ("word-number", $"number {column + 1}, {quoted}, is no decimal number");
        }

        return ("word-fields", $"a word and {dim} numbers are expected");
    }

    /// <summary>
    /// How many numbers end a line: what a file without a header says its rows have. The first field is a word whatever it looks
    /// like.
    /// </summary>
    public static int CountNumbers(byte* line, byte* end)
    {
        int count = 0;
        for (byte* field = end; field > line;)
        {
            ReadOnlySpan<byte> before = new(line, (int)(field - line));
            int space = before.LastIndexOf((byte)' ');
            if (space < 0 || FloatText.Parse(line + space + 1, end, out _) != field) break;
            count++;
            field = line + space;
        }

        return count;
    }

    /// <summary>Whether a word with spaces could be taken for a word and a number: then its line has one number too many.</summary>
    public static bool EndsInNumber(ReadOnlySpan<byte> word)
    {
        int space = word.LastIndexOf((byte)' ');
        if (space < 0) return false;
        Span<byte> copy = new byte[word.Length - space];
        word[(space + 1)..].CopyTo(copy);
        copy[^1] = (byte)'\n';
        fixed (byte* start = copy) return FloatText.Parse(start, start + copy.Length - 1, out _) != null;
    }

    private static bool EndsInNumber(ReadOnlySpan<byte> line, int fields) => EndsInNumber(line[..WordEnd(line, fields - 1)]);

    private static bool TryParseNumbers(byte* at, byte* end, float* row, int dim)
    {
        for (int column = 0; column < dim; column++)
        {
            if (at == end || *at != ' ') return false;
            at = FloatText.Parse(at + 1, end, out row[column]);
            if (at == null) return false;
        }

        return at == end;
    }

    private static bool TryParseSpaced(byte* line, byte* end, float* row, int dim, out int wordLength)
    {
        ReadOnlySpan<byte> text = new(line, (int)(end - line));
        wordLength = WordEnd(text, dim);
        return wordLength is > 0 and <= LongestWord
            && TryParseNumbers(line + wordLength, end, row, dim)
            && !EndsInNumber(text[..wordLength]);
    }

    /// <summary>The place of the space in front of the last <paramref name="fields"/> fields; -1 when there are fewer.</summary>
    private static int WordEnd(ReadOnlySpan<byte> line, int fields)
    {
        int at = line.Length;
        for (int i = 0; i < fields && at >= 0; i++) at = line[..at].LastIndexOf((byte)' ');
        return at;
    }
}
