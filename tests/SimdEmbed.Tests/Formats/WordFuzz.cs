using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using SimdEmbed.Formats;
using SimdEmbed.Internals;
using SimdEmbed.Reference;

namespace SimdEmbed.Tests.Formats;

/// <summary>
/// Generated and damaged files of words: a reader says no in one sentence or gives what the naive reader gives, and takes no more
/// memory than the file can fill.
/// </summary>
internal sealed class WordFuzz(int seed)
{
    private const int LongestQuote = 400;

    private static readonly string[] s_words = ["a", "the", "b c", ". . .", "1", "x 1", "naïve", "日本", "\u00a0", "", " ", "-", "nan", "word", "inf x", "\r", "\t"];

    private static readonly string[] s_numbers =
        ["0", "-1.5", "1e-5", "3.4028236e38", "1e39", "-0", "nan", "-inf", "1e", ".", "0x1", "--1", "1.", ".5", "00012", "16777217", "16777216.9999999999999", "1e-46", "x", "", "123456789012345678901234567890", "+7", "1E+2"];

    private readonly Random _random = new(seed);

    public static readonly string[] Outcomes = ["text read", "text refused", "binary read", "binary refused", "gzip read", "gzip refused", "skipped lines"];

    /// <summary>Runs one case and says what became of it; throws when the reader did what it must not.</summary>
    public string Run()
    {
        WordFormat format = (WordFormat)_random.Next(3);
        byte[] file = format == WordFormat.Word2VecBinary ? Binary() : Text(format);
        int damages = _random.Next(4);
        for (int i = 0; i < damages; i++) file = Damage(file);
        bool isGzip = _random.Next(8) == 0 && !(file is [0x1f, 0x8b, ..]);
        byte[] stored = isGzip ? Gzip(file) : file;
        if (isGzip && _random.Next(2) == 0) (stored, file) = (Damage(stored), []);
        bool skip = _random.Next(6) == 0;
        WordOptions options = new()
        {
            Format = _random.Next(4) == 0 ? null : format,
            BlockBytes = _random.Next(3) switch { 0 => 8, 1 => 40, _ => 1 << 12 },
            Degree = _random.Next(4) == 0 ? 3 : 1,
            SkipBad = skip,
        };
        long before = NativeBytes.TakenByThread;
        FormatError error = default;
        bool isRead = WordVectors.TryLoad(() => new MemoryStream(stored), options, out WordTable? words, out WordReport? report, ref error, default);
        using (words)
        {
            long taken = NativeBytes.TakenByThread - before;
            long allowed = isGzip || stored is [0x1f, 0x8b, ..] ? (stored.Length * 100L) + (1 << 24) : 2 * (stored.Length + 1L);
            Require(taken <= allowed, $"{taken} bytes taken for a file of {stored.Length}");
            if (isRead) Require(words!.Table.RowCount == words.Vocabulary.Count && words.Table.Dim > 0, "rows without words");
            else RequireSentence(error);

            bool isText = options.Format is WordFormat.GloVe or WordFormat.Word2VecText;
            if (isText && file.Length > 0 && !skip && !(file is [0x1f, 0x8b, ..] && !isGzip)) Compare(file, options.Format!.Value, words, error);
            if (skip && report is { SkippedLines: > 0 }) return "skipped lines";
            string kind = isGzip ? "gzip" : format == WordFormat.Word2VecBinary ? "binary" : "text";
            return kind + (isRead ? " read" : " refused");
        }
    }

    private static void Compare(byte[] file, WordFormat format, WordTable? words, FormatError error)
    {
        List<KeyValuePair<string, float[]>>? expected = ReferenceWordText.Read(file, format == WordFormat.Word2VecText);
        Require(expected != null || words == null, $"read, which the reference refuses: {Escape(file)}");
        Require(expected == null || words != null, $"refused, which the reference reads: {error.Message}: {Escape(file)}");
        if (expected == null) return;
        Require(expected.Count == words!.Vocabulary.Count, $"{words.Vocabulary.Count} words instead of {expected.Count}");
        for (int i = 0; i < expected.Count; i++)
        {
            Require(Encoding.Latin1.GetString(words.Vocabulary.GetUtf8(i)) == expected[i].Key, $"word {i} differs: {Escape(file)}");
            Require(words.Vocabulary.IndexOf(words.Vocabulary.GetUtf8(i)) == i, $"word {i} is not found");
            for (int j = 0; j < words.Table.Dim; j++)
            {
                Require(Support.BitEqual.Values(expected[i].Value[j], words.Table.GetRow(i)[j]), $"element [{i}, {j}] differs");
            }
        }
    }

    private static string Escape(byte[] file) => Uri.EscapeDataString(Encoding.Latin1.GetString(file));

    private static void RequireSentence(FormatError error)
    {
        TableFormatException refusal = error.ToException("file");
        Require(refusal.Rule != "unknown" && refusal.Message.Length < LongestQuote && !refusal.Message.Any(char.IsControl), $"refused with: {refusal.Message}");
    }

    private static void Require(bool condition, string what)
    {
        if (!condition) throw new InvalidOperationException(what);
    }

    private byte[] Text(WordFormat format)
    {
        int rows = _random.Next(6);
        int dim = 1 + _random.Next(4);
        bool isPlain = _random.Next(2) == 0;
        StringBuilder text = new();
        string end = _random.Next(4) switch { 0 => " \n", 1 => "\r\n", _ => "\n" };
        if (format == WordFormat.Word2VecText) text.Append(CultureInfo.InvariantCulture, $"{rows} {dim}").Append(end);
        for (int i = 0; i < rows; i++)
        {
            text.Append(isPlain ? $"w{i}" : s_words[_random.Next(s_words.Length)]);
            for (int j = 0; j < dim; j++)
            {
                text.Append(' ').Append(isPlain || _random.Next(3) > 0 ? Number() : s_numbers[_random.Next(s_numbers.Length)]);
            }

            text.Append(end);
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private string Number() => (_random.NextSingle() - 0.5f).ToString(_random.Next(2) == 0 ? "R" : "F6", CultureInfo.InvariantCulture);

    private byte[] Binary()
    {
        int rows = _random.Next(5);
        int dim = 1 + _random.Next(4);
        MemoryStream file = new();
        file.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{rows} {dim}\n")));
        Span<byte> number = stackalloc byte[4];
        for (int i = 0; i < rows; i++)
        {
            file.Write(Encoding.UTF8.GetBytes(_random.Next(4) == 0 ? s_words[_random.Next(s_words.Length)] : $"w{i}"));
            file.WriteByte((byte)' ');
            for (int j = 0; j < dim; j++)
            {
                BinaryPrimitives.WriteSingleLittleEndian(number, _random.NextSingle());
                file.Write(number);
            }

            if (_random.Next(3) > 0) file.WriteByte((byte)'\n');
        }

        return file.ToArray();
    }

    private byte[] Damage(byte[] file)
    {
        if (file.Length == 0) return [(byte)_random.Next(256)];
        int at = _random.Next(file.Length);
        int length = _random.Next(int.Min(12, file.Length - at) + 1);
        return _random.Next(7) switch
        {
            0 => [.. file[..at], (byte)(file[at] ^ (1 << _random.Next(8))), .. file[(at + 1)..]],
            1 => file[..at],
            2 => [.. file[..at], .. file[(at + length)..]],
            3 => [.. file[..at], .. file[at..(at + length)], .. file[at..]],
            4 => [.. file[..at], .. Piece(), .. file[at..]],
            5 => [.. file[..at], .. Piece(), .. file[(at + length)..]],
            _ => [.. file, .. Piece()],
        };
    }

    private byte[] Piece() => _random.Next(6) switch
    {
        0 => [(byte)'\n'],
        1 => [(byte)' '],
        2 => "999999999"u8.ToArray(),
        3 => Encoding.UTF8.GetBytes(s_numbers[_random.Next(s_numbers.Length)]),
        4 => Encoding.UTF8.GetBytes(s_words[_random.Next(s_words.Length)]),
        _ => [(byte)_random.Next(256), (byte)_random.Next(256)],
    };

    private static byte[] Gzip(byte[] data)
    {
        using MemoryStream packed = new();
        using (GZipStream stream = new(packed, CompressionLevel.Fastest)) stream.Write(data);
        return packed.ToArray();
    }
}
