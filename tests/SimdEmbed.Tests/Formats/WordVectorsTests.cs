using System.Globalization;
using System.IO.Compression;
using System.Text;
using SimdEmbed.Tests.Support;
using SimdEmbed.Words;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>Files of words and vectors: what is read, what is written, and what is refused by which rule and line.</summary>
public sealed class WordVectorsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public static TheoryData<WordFormat> Formats => [WordFormat.Word2VecBinary, WordFormat.Word2VecText, WordFormat.GloVe];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void What_is_written_is_read_back_bit_for_bit(WordFormat format)
    {
        float[] special = [0f, -0f, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1f / 3, 16777217, 1e-38f];
        Random random = new(5);
        float[] values = [.. special, .. Enumerable.Range(0, 96).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)))];
        string[] words = ["12", "naïve", "日本", "a\u00a0b", "-1.5", "nan", ".", "x\ty", "\u2028"];
        using WordTable table = new(TestTable.From(values, 9, 12), new Vocabulary(words));
        WordVectors.Save(_folder["words"], table, format);
        using WordTable read = WordVectors.Load(_folder["words"], new WordOptions { Format = format }, out WordReport report);
        Assert.Equal(Report(format, format == WordFormat.GloVe ? null : 9), report);
        Assert.Equal(words, Enumerable.Range(0, 9).Select(read.Vocabulary.GetWord));
        BitEqual.Assert(values, TestTable.Values(read.Table));
        using WordTable guessed = WordVectors.Load(_folder["words"], null, out report);
        Assert.Equal(format, report.Format);
        Assert.Equal(["words"], _folder.Names);
    }

    [Theory]
    [InlineData("3 2\na 1 2\nb 3 4\nc 5 6\n")]
    [InlineData("3 2 \r\na 1 2 \r\nb 3 4\r\nc 5 6\r\n\r\n\r\n")]
    [InlineData("\uFEFF3 2\na +1e0 2.\nb 30e-1 .4e1\nc 500000000000000000000000e-23 6.0000000000000000000000000000000000001")]
    [InlineData("a 1 2\nb 3 4\nc 5 6")]
    public void Text_is_read_with_or_without_a_header(string text)
    {
        using WordTable words = Load(text);
        Assert.Equal(["a", "b", "c"], Enumerable.Range(0, 3).Select(words.Vocabulary.GetWord));
        Assert.Equal([1, 2, 3, 4, 5, 6], TestTable.Values(words.Table));
    }

    [Fact]
    public void A_word_may_contain_spaces_other_spaces_and_bytes_that_are_no_text()
    {
        byte[] file = [.. "4 2\n. . 1 2\n"u8, 0xff, 0xfe, .. " 3 4\nat name@x 5 6\n\u2003 7 8\n"u8];
        using WordTable words = Load(file);
        Assert.Equal([". .", "\ufffd\ufffd", "at name@x", "\u2003"], Enumerable.Range(0, 4).Select(words.Vocabulary.GetWord));
        Assert.Equal(1, words.Vocabulary.IndexOf([0xff, 0xfe]));
        Assert.Equal(Vocabulary.Unknown, words.Vocabulary.IndexOf("\ufffd\ufffd"));
        WordVectors.Save(_folder["back"], words, WordFormat.GloVe);
        Assert.Equal(file[4..], File.ReadAllBytes(_folder["back"]));
    }

    [Theory]
    [InlineData("", "word-file", 0)]
    [InlineData("word\n", "word-format", 0)]
    [InlineData("2 2\na 1 2\nb 3\n", "word-fields", 3)]
    [InlineData("2 2\na 1 2\nb 3 4 5\n", "word-fields", 3)]
    [InlineData("2 2\na 1 2\nb 3 x\n", "word-number", 3)]
    [InlineData("2 2\na 1 2\nb  4\n", "word-number", 3)]
    [InlineData("2 2\na 1 2\nb 3 0x4\n", "word-number", 3)]
    [InlineData("2 2\na 1 2\nb 3 1,5\n", "word-number", 3)]
    [InlineData("2 2\na 1 2\nb 3 \u0661\n", "word-number", 3)]
    [InlineData("2 2\na 1 2\nb 3 ++4\n", "word-number", 3)]
    [InlineData("2 2\na 1 2\n 3 4\n", "word-empty", 3)]
    [InlineData("2 2\na 1 2\n\nb 3 4\n", "word-line", 3)]
    [InlineData("2 2\na 1 2\nb 3 4\nc 5 6\n", "word-rows", 4)]
    [InlineData("2 2\na 1 2\n             \n", "word-rows", 1)]
    [InlineData("5 2\na 1 2\nb 3 4\n", "word-rows", 1)]
    [InlineData("99999999999 2\na 1 2\n", "word-header", 1)]
    [InlineData("2 99999999999\na 1 2\n", "word-header", 1)]
    [InlineData("2 0\na\nb\n", "word-header", 1)]
    [InlineData("2000000000 2\na 1 2\n", "word-rows", 1)]
    [InlineData("a 1 2\nb 3\n", "word-fields", 2)]
    [InlineData("a 1 2\nb 3 4 5\n", "word-fields", 2)]
    public void A_malformed_line_is_named_by_number(string text, string rule, long line)
    {
        TableFormatException refusal = Assert.Throws<TableFormatException>(() => Load(text));
        Assert.Equal((rule, line), (refusal.Rule, refusal.Line));
        if (line > 0) Assert.Contains($"line {line}: ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    public static TheoryData<WordFormat, int, int> SmallFiles()
    {
        TheoryData<WordFormat, int, int> files = [];
        foreach (WordFormat format in Enum.GetValues<WordFormat>())
        {
            foreach (int dim in new[] { 1, 4, 16, 50, 300 })
            {
                foreach (int bytes in new[] { 1_000, 10_000, 100_000, 1_000_000 }) files.Add(format, dim, bytes);
            }
        }

        return files;
    }

    /// <summary>
    /// Beside the table: at most twice the file and 64 KiB where rows take 40 bytes or more of it, and never more than the file, 64 KiB and
    /// 96 bytes a row.
    /// </summary>
    [Theory]
    [MemberData(nameof(SmallFiles))]
    public void A_file_takes_little_memory(WordFormat format, int dim, int bytes)
    {
        int rows = int.Max(bytes / (8 + (dim * (format == WordFormat.Word2VecBinary ? 4 : 11))), 1);
        using EmbeddingTable table = EmbeddingTable.Create(rows, dim, Initializer.Normal(1));
        WordVectors.Save(_folder["small"], new WordTable(table, new Vocabulary(Enumerable.Range(0, rows).Select(row => $"word{row}"))), format);
        WordOptions options = new() { Degree = 1, Format = format };
        WordVectors.Load(_folder["small"], options).Dispose();
        long before = GC.GetAllocatedBytesForCurrentThread();
        WordVectors.Load(_folder["small"], options).Dispose();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        long length = new FileInfo(_folder["small"]).Length;
        const int Fixed = 64 << 10;
        const int LeastBytesPerRow = 40;
        if (length >= (long)rows * LeastBytesPerRow) Assert.True(allocated <= (2 * length) + Fixed, $"{length} bytes took {allocated}");
        Assert.True(allocated <= length + Fixed + (96L * rows), $"{length} bytes of {rows} rows took {allocated}");
    }

    /// <summary>
    /// A file whose header promises more rows than it has takes at most three times its length and 64 KiB before it is refused, also where it is
    /// one long line, which takes memory that doubles.
    /// </summary>
    [Theory]
    [InlineData(WordFormat.Word2VecText, 1)]
    [InlineData(WordFormat.Word2VecText, 50)]
    [InlineData(WordFormat.Word2VecBinary, 1)]
    [InlineData(WordFormat.Word2VecBinary, 50)]
    public void A_promise_alone_takes_little_memory(WordFormat format, int dim)
    {
        const int Length = 1_000_000;
        int rows = Length / ((format == WordFormat.Word2VecBinary ? 4 * dim : 2 * dim) + 3);
        foreach (int line in new[] { 10, 1000, Length })
        {
            byte[] file = new byte[Length];
            for (int i = line - 1; i < Length; i += line) file[i] = (byte)'\n';
            Encoding.ASCII.GetBytes($"{rows} {dim}\nword").CopyTo(file, 0);
            File.WriteAllBytes(_folder["promise"], file);
            WordOptions options = new() { Degree = 1, Format = format };
            Assert.Throws<TableFormatException>(() => WordVectors.Load(_folder["promise"], options));
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<TableFormatException>(() => WordVectors.Load(_folder["promise"], options));
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated <= (3 * Length) + (64 << 10), $"{Length} bytes took {allocated}");
        }
    }

    [Fact]
    public void Malformed_lines_can_be_skipped_and_are_counted()
    {
        byte[] text = Encoding.UTF8.GetBytes("9 2\na 1 2\nb 3\n\n\nc 5 6\na 7 8\nd 9 x\ne 10 11\n");
        File.WriteAllBytes(_folder["text"], text);
        using WordTable words = WordVectors.Load(_folder["text"], new WordOptions { SkipBad = true }, out WordReport report);
        Assert.Equal(
            Report(WordFormat.Word2VecText, 9) with { Duplicates = 1, SkippedLines = 4, FirstSkipped = "line 3: it has 1 numbers; 2 expected" }, report);
        Assert.Equal(["a", "c", "e"], Enumerable.Range(0, words.Vocabulary.Count).Select(words.Vocabulary.GetWord));
        Assert.Equal([1, 2, 5, 6, 10, 11], TestTable.Values(words.Table));
        Assert.Equal(3, words.Table.RowCount);
    }

    [Theory]
    [InlineData("2 1\na ????????", "word-rows")]
    [InlineData("2 1\na ????b ????c ????", "word-rows")]
    [InlineData("1 1\na ????\n\n\n ", "word-rows")]
    [InlineData("1 1\n\n ????????", "word-empty")]
    [InlineData("900000 900000\na ????????", "word-rows")]
    public void A_malformed_binary_file_is_refused(string text, string rule)
    {
        byte[] file = [.. text.Select(c => c == '?' ? (byte)0 : (byte)c)];
        File.WriteAllBytes(_folder["bin"], file);
        TableFormatException refusal = Assert.Throws<TableFormatException>(
            () => WordVectors.Load(_folder["bin"], new WordOptions { Format = WordFormat.Word2VecBinary }));
        Assert.Equal(rule, refusal.Rule);
    }

    [Fact]
    public void Gzip_is_read_and_a_damaged_or_cut_one_refused_at_every_byte()
    {
        byte[] packed = Gzip("3 2\na 1 2\nb 3 4\nc 5 6\n"u8.ToArray());
        using (WordTable words = Load(packed)) Assert.Equal([1, 2, 3, 4, 5, 6], TestTable.Values(words.Table));
        for (int length = 2; length < packed.Length; length++) Assert.Throws<TableFormatException>(() => Load(packed[..length]));
        Assert.Equal("gzip-length", Assert.Throws<TableFormatException>(() => Load([.. packed, 0])).Rule);
        packed[^6] ^= 1;
        Assert.Equal("gzip-data", Assert.Throws<TableFormatException>(() => Load(packed)).Rule);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Saving_tells_the_bytes_written_and_ends_when_it_is_told_to(WordFormat format)
    {
        using WordTable words = new(EmbeddingTable.Create(20_000, 3, Initializer.Normal(1)), new Vocabulary(Enumerable.Range(0, 20_000).Select(i => $"w{i}")));
        Reports<long> progress = new();
        WordVectors.Save(_folder["words"], words, format, progress);
        Assert.Equal(new FileInfo(_folder["words"]).Length, progress.Last);
        Assert.True(progress.Count > 3, $"{progress.Count} reports");
        using CancellationTokenSource source = new();
        Assert.Throws<OperationCanceledException>(() => WordVectors.Save(_folder["ended"], words, format, new Reports<long>(_ => source.Cancel()), source.Token));
        Assert.Equal(["words"], _folder.Names);
    }

    [Fact]
    public void A_small_compressed_file_cannot_ask_for_much_memory()
    {
        byte[] bomb = Gzip(Encoding.ASCII.GetBytes("100000000 10\na 1 2 3 4 5 6 7 8 9 10\n"));
        Assert.Equal("word-bytes", Assert.Throws<TableFormatException>(() => Load(bomb)).Rule);
        byte[] zeros = Gzip(Encoding.ASCII.GetBytes("4000000 1\n" + string.Concat(Enumerable.Repeat("w 0\n", 4_000_000))));
        using WordTable words = Load(zeros);
        Assert.Equal(1, words.Table.RowCount);
        File.WriteAllBytes(_folder["small"], "2 2\na 1 2\nb 3 4\n"u8.ToArray());
        Assert.Equal("word-bytes", Assert.Throws<TableFormatException>(() => WordVectors.Load(_folder["small"], new WordOptions { MaxBytes = 15 })).Rule);
        WordVectors.Load(_folder["small"], new WordOptions { MaxBytes = 16 }).Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void A_large_text_is_the_same_for_any_number_of_threads(int degree)
    {
        (string path, float[] values) = WriteLarge();
        Reports<WordProgress> progress = new();
        using WordTable words = WordVectors.Load(path, new WordOptions { Degree = degree, Progress = progress }, out WordReport report);
        Assert.Equal(1, report.Duplicates);
        Assert.Equal(LargeRows, words.Vocabulary.Count);
        for (int i = 0; i < LargeRows; i++) Assert.Equal(i, words.Vocabulary.IndexOf(LargeWord(i)));
        BitEqual.AssertSameBits(values, TestTable.Values(words.Table));
        Assert.Equal(new WordProgress { Bytes = new FileInfo(path).Length, TotalBytes = new FileInfo(path).Length, Rows = LargeRows }, progress.Last);
        Assert.True(progress.Count > 4);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Of_several_malformed_lines_the_first_is_named_on_any_number_of_threads(int degree)
    {
        (string path, _) = WriteLarge();
        string[] lines = File.ReadAllLines(path);
        lines[20_000] = "w 1 2";
        lines[20_001] = "v 1 2";
        lines[40_000] = "u 1 2";
        File.WriteAllLines(path, lines);
        TableFormatException refusal = Assert.Throws<TableFormatException>(() => WordVectors.Load(path, new WordOptions { Degree = degree }));
        Assert.Equal((20_001, "word-fields"), (refusal.Line, refusal.Rule));
        long offset = lines.Take(20_000).Sum(line => Encoding.UTF8.GetByteCount(line) + 1L);
        Assert.Equal(offset, refusal.Offset);
        using WordTable words = WordVectors.Load(path, new WordOptions { Degree = degree, SkipBad = true }, out WordReport report);
        Assert.Equal(3, report.SkippedLines);
        Assert.Equal(Vocabulary.Unknown, words.Vocabulary.IndexOf(LargeWord(20_000)));
    }

    [Fact]
    public void Reading_ends_when_it_is_cancelled()
    {
        (string path, _) = WriteLarge();
        using CancellationTokenSource cancel = new();
        WordOptions options = new() { Degree = 2, Progress = new Reports<WordProgress>(_ => cancel.Cancel()) };
        Assert.Throws<OperationCanceledException>(() => WordVectors.Load(path, options, cancel.Token));
        cancel.Dispose();
        Assert.Throws<DivideByZeroException>(
            () => WordVectors.Load(path, new WordOptions { Degree = 2, Progress = new Reports<WordProgress>(static _ => throw new DivideByZeroException()) }));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Writing_that_is_cancelled_leaves_the_old_file(WordFormat format)
    {
        File.WriteAllText(_folder["words"], "old");
        using WordTable words = new(new EmbeddingTable(1, 1), new Vocabulary(["a"]));
        Assert.Throws<OperationCanceledException>(() => WordVectors.Save(_folder["words"], words, format, cancellationToken: new CancellationToken(canceled: true)));
        Assert.Equal("old", File.ReadAllText(_folder["words"]));
        Assert.Equal(["words"], _folder.Names);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_file_cut_at_any_byte_is_refused_or_gives_whole_rows(WordFormat format)
    {
        using WordTable table = new(EmbeddingTable.Create(4, 3, Initializer.Normal(1)), new Vocabulary(["aa", "bb", "cc", "dd"]));
        WordVectors.Save(_folder["whole"], table, format);
        byte[] whole = File.ReadAllBytes(_folder["whole"]);
        for (int length = 0; length < whole.Length - 1; length++)
        {
            File.WriteAllBytes(_folder["cut"], whole[..length]);
            try
            {
                // A text number that is cut is still one, and a GloVe file does not say how many rows it has.
                using WordTable read = WordVectors.Load(_folder["cut"], new WordOptions { Format = format });
                Assert.NotEqual(WordFormat.Word2VecBinary, format);
                Assert.True(read.Vocabulary.Count is > 0 and <= 4);
                if (format == WordFormat.Word2VecText) Assert.True(whole.AsSpan(length).IndexOf((byte)'\n') == whole.Length - length - 1);
            }
            catch (TableFormatException)
            {
            }
        }
    }

    [Theory]
    [InlineData("", true, true, true)]
    [InlineData("a b", true, true, false)]
    [InlineData("a 1", true, true, true)]
    [InlineData("a\nb", false, true, true)]
    [InlineData("\na", true, true, true)]
    [InlineData(" a", true, true, true)]
    [InlineData("\uFEFFa", false, false, true)]
    public void A_word_that_would_not_come_back_is_not_written(string word, bool binary, bool text, bool glove)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(word);
        WordKeys keys = new(0, 0);
        keys.Add(bytes);
        using WordTable table = new(new EmbeddingTable(1, 1), new Vocabulary(keys));
        (WordFormat, bool)[] cases = [(WordFormat.Word2VecBinary, binary), (WordFormat.Word2VecText, text), (WordFormat.GloVe, glove)];
        foreach ((WordFormat format, bool isRefused) in cases)
        {
            if (isRefused)
            {
                Assert.Throws<ArgumentException>(() => WordVectors.Save(_folder["w"], table, format));
                Assert.Empty(_folder.Names);
                continue;
            }

            WordVectors.Save(_folder["w"], table, format);
            using WordTable read = WordVectors.Load(_folder["w"], new WordOptions { Format = format });
            Assert.Equal(bytes, read.Vocabulary.GetUtf8(0).ToArray());
            File.Delete(_folder["w"]);
        }
    }

    private const int LargeRows = 60_000;
    private const int LargeDim = 9;

    private static string LargeWord(int i) => string.Create(CultureInfo.InvariantCulture, $"wörd{i}");

    private (string Path, float[] Values) WriteLarge()
    {
        using EmbeddingTable table = EmbeddingTable.Create(LargeRows, LargeDim, Initializer.Normal(3));
        StringBuilder text = new();
        for (int i = 0; i < LargeRows; i++)
        {
            text.Append(LargeWord(i));
            foreach (float value in table.GetRow(i)) text.Append(CultureInfo.InvariantCulture, $" {value}");
            text.Append('\n');
            if (i == 30_000) text.Append(LargeWord(17)).Insert(text.Length, " 1", LargeDim).Append('\n');
        }

        File.WriteAllText(_folder["large"], text.ToString());
        return (_folder["large"], TestTable.Values(table));
    }

    private static WordReport Report(WordFormat format, long? promised) =>
        new() { Format = format, IsCompressed = false, PromisedRows = promised, Duplicates = 0, SkippedLines = 0, FirstSkipped = null };

    private static byte[] Gzip(byte[] data)
    {
        using MemoryStream packed = new();
        using (GZipStream stream = new(packed, CompressionLevel.Optimal)) stream.Write(data);
        return packed.ToArray();
    }

    private WordTable Load(string text) => Load(Encoding.UTF8.GetBytes(text));

    private WordTable Load(byte[] file)
    {
        File.WriteAllBytes(_folder["file"], file);
        return WordVectors.Load(_folder["file"]);
    }
}
