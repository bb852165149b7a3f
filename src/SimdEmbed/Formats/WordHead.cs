using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace SimdEmbed.Formats;

/// <summary>What the first lines of a file say it is.</summary>
/// <param name="Format">The format.</param>
/// <param name="Rows">The number of rows a header promises; null without one.</param>
/// <param name="Dim">The number of columns.</param>
/// <param name="Start">Where the first word lies.</param>
internal sealed record WordHead(WordFormat Format, long? Rows, int Dim, long Start)
{
    /// <summary>The longest line that is read; and so the most memory a file without line feeds can ask for.</summary>
    public const int LongestLine = 1 << 24;

    private const int FirstRead = 1 << 12;
    private const int SampleBytes = 64;

    /// <summary>The number of the line that <see cref="Start"/> begins.</summary>
    public long FirstLine => Rows == null ? 1 : 2;

    /// <summary>Reads the first line, and some bytes of the second to tell text from binary.</summary>
    public static bool TryRead(WordSource source, WordFormat? format, [NotNullWhen(true)] out WordHead? head, ref FormatError error)
    {
        head = null;
        byte[] buffer = new byte[source.IsCompressed ? FirstRead : (int)long.Min(FirstRead, source.FileLength + 2)];
        int length = 0;
        int lineEnd;
        while (true)
        {
            // One byte stays free for the line feed that a file of one line may lack.
            if (!source.TryRead(buffer.AsSpan(length, buffer.Length - 1 - length), out int read, ref error)) return false;
            bool isEnd = length + read < buffer.Length - 1;
            length += read;
            lineEnd = buffer.AsSpan(0, length).IndexOf((byte)'\n');
            if (lineEnd >= 0 || isEnd) break;
            if (buffer.Length > LongestLine) return format == null ? Unknown(ref error) : error.FailLine("line-length", 1, 0, $"it is longer than {LongestLine} bytes");
            Array.Resize(ref buffer, buffer.Length * 2);
        }

        if (length == 0) return error.Fail("word-file", 0, "it is empty; word vectors are expected");
        int start = buffer.AsSpan(0, length).StartsWith("\uFEFF"u8) ? "\uFEFF"u8.Length : 0;
        int end = length;
        if (lineEnd < 0) buffer[lineEnd = length++] = (byte)'\n';
        ReadOnlySpan<byte> line = buffer.AsSpan(start, lineEnd - start);
        ReadOnlySpan<byte> rest = buffer.AsSpan(lineEnd + 1, length - lineEnd - 1);
        bool isHeader = TryParseHeader(line, out long rows, out long dim);
        if (format == WordFormat.GloVe || (format == null && !isHeader)) return TryGloVe(line, start, format, out head, ref error);
        if (!isHeader)
        {
            return error.FailLine("word-header", 1, 0, $"two whole numbers, rows and columns, are expected; found {FormatError.Quote(Text(line))}");
        }

        if (dim is < 1 or > int.MaxValue || rows > int.MaxValue)
        {
            return error.FailLine("word-header", 1, 0, $"it promises {rows} rows of {dim} columns; at most {int.MaxValue} of each, and one column, are read");
        }

        WordFormat found = format ?? (IsBinary(rest, (int)dim) ? WordFormat.Word2VecBinary : WordFormat.Word2VecText);
        head = new WordHead(found, rows, (int)dim, int.Min(lineEnd + 1, end));
        return true;
    }

    private static unsafe bool TryGloVe(ReadOnlySpan<byte> line, int start, WordFormat? format, [NotNullWhen(true)] out WordHead? head, ref FormatError error)
    {
        head = null;
        int dim;
        fixed (byte* text = line) dim = WordLine.CountNumbers(text, WordLine.TrimEnd(text, text + line.Length));
        if (dim == 0 && format == null) return Unknown(ref error);
        if (dim == 0) return error.FailLine("word-fields", 1, 0, $"a word and its numbers are expected; found {FormatError.Quote(Text(line))}");
        head = new WordHead(WordFormat.GloVe, Rows: null, dim, start);
        return true;
    }

    private static bool Unknown(ref FormatError error) => error.Fail(
        "word-format",
        0,
        "is no file of words: it begins neither with two whole numbers, as word2vec's and fastText's do, nor with a word and its numbers, as GloVe's");

    private static bool TryParseHeader(ReadOnlySpan<byte> line, out long rows, out long dim)
    {
        dim = 0;
        line = line.TrimEnd(" \r"u8);
        return TryParseCount(line, out rows, out int read)
            && read < line.Length
            && line[read] == ' '
            && TryParseCount(line[(read + 1)..], out dim, out int last)
            && read + 1 + last == line.Length;
    }

    private static bool TryParseCount(ReadOnlySpan<byte> text, out long value, out int read)
    {
        value = 0;
        read = 0;
        return !text.IsEmpty && char.IsAsciiDigit((char)text[0]) && Utf8Parser.TryParse(text, out value, out read);
    }

    /// <summary>A first row that reads as text is text; else floats betray themselves by bytes that no text has.</summary>
    private static unsafe bool IsBinary(ReadOnlySpan<byte> rows, int dim)
    {
        int lineEnd = rows.IndexOf((byte)'\n');
        int space = rows.IndexOf((byte)' ');
        if (space < 0) return false;
        fixed (byte* text = rows)
        {
            if (lineEnd >= 0 && WordLine.CountNumbers(text, WordLine.TrimEnd(text, text + lineEnd)) >= dim) return false;
        }

        ReadOnlySpan<byte> sample = rows[(space + 1)..];
        sample = sample[..(int)long.Min(sample.Length, long.Min(SampleBytes, dim * (long)sizeof(float)))];
        foreach (byte b in sample)
        {
            if (b is (< (byte)' ' or > (byte)'~') and not (byte)'\n' and not (byte)'\r') return true;
        }

        return false;
    }

    private static string Text(ReadOnlySpan<byte> line) => System.Text.Encoding.UTF8.GetString(line[..int.Min(line.Length, 256)]);
}
