using System.CommandLine;
using System.CommandLine.Parsing;

namespace SimdEmbed.Cli;

/// <summary>Files of words among the files that commands take.</summary>
internal static class WordFiles
{
    /// <summary>What a table is called that comes from a file of words, where it has no name.</summary>
    public const string TableName = "weight";

    private const string UnknownFormat = "format-unknown";
    private const string UnknownWords = "word-format";

    public static Option<WordFormat?> From() => Format("--from", "What a file of words is, if its first lines are not to decide");

    public static Option<WordFormat?> Format(string name, string description) => new(name)
    {
        Description = description + ": word2vec (binary), text (word2vec's, fastText's .vec) or glove.",
        HelpName = "FORMAT",
        CustomParser = Parse,
    };

    public static Option<bool> SkipBad() => new("--skip-bad") { Description = "Of a file of words, pass over malformed lines and count them." };

    /// <summary>Whether a file is one of words: then no reader of tensors knows it.</summary>
    public static bool IsWords(string path, WordFormat? from)
    {
        if (from != null) return true;
        try
        {
            using TableFile file = TableFile.Open(path);
            return false;
        }
        catch (TableFormatException e) when (e.Rule == UnknownFormat)
        {
            return true;
        }
    }

    public static WordTable Load(string path, WordFormat? from, bool skipBad, bool isShown, CancellationToken cancellationToken, out WordReport report)
    {
        WordReport? found = null;
        WordTable? words = null;
        ByteProgress.Run($"read {Path.GetFileName(path)}", new FileInfo(path).Length, isShown, progress =>
        {
            WordOptions options = new() { Format = from, SkipBad = skipBad, Progress = progress == null ? null : new BytesRead(progress) };
            try
            {
                words = WordVectors.Load(path, options, out found, cancellationToken);
            }
            catch (TableFormatException e) when (from == null && e.Rule == UnknownWords)
            {
                throw new InvalidDataException(
                    $"{path}: is of no format that is read: it starts like neither safetensors, PyTorch nor NumPy, nor like a file of words - "
                        + "two whole numbers (word2vec, fastText) or a word and its numbers (GloVe).",
                    e);
            }
        });
        report = found!;
        return words!;
    }

    /// <summary>The table that has words, or the only one, when no name was given.</summary>
    /// <exception cref="InvalidDataException">Neither tells which is meant.</exception>
    public static string OnlyTable(TableFile file, string path)
    {
        TensorInfo[] tables = [.. file.Tensors.Where(tensor => tensor.IsTable)];
        TensorInfo[] withWords = [.. tables.Where(table => file.HasWords(table.Name))];
        if (withWords.Length == 1) return withWords[0].Name;
        if (tables.Length == 1) return tables[0].Name;
        throw new InvalidDataException(tables.Length == 0
            ? $"{path}: there is no table."
            : $"{path}: there is more than one table, so one has to be named; the tables are {string.Join(", ", tables.Select(table => $"'{PlainText.OneLine(table.Name)}'"))}.");
    }

    /// <summary>What was passed over, for people; nothing when nothing was.</summary>
    public static IEnumerable<string> Passed(WordReport report)
    {
        if (report.Duplicates > 0) yield return $"{report.Duplicates} {(report.Duplicates == 1 ? "word occurs" : "words occur")} again; the first of each was kept";
        if (report.SkippedLines > 0) yield return $"{report.SkippedLines} malformed {(report.SkippedLines == 1 ? "line was" : "lines were")} skipped; the first: {report.FirstSkipped}";
    }

    private static WordFormat? Parse(ArgumentResult argument)
    {
        switch (argument.Tokens[0].Value)
        {
            case "word2vec": return WordFormat.Word2VecBinary;
            case "text": return WordFormat.Word2VecText;
            case "glove": return WordFormat.GloVe;
            default:
                argument.AddError($"'{argument.Tokens[0].Value}' is no format of words; word2vec, text and glove are.");
                return null;
        }
    }

    private sealed class BytesRead(IProgress<long> progress) : IProgress<WordProgress>
    {
        public void Report(WordProgress value) => progress.Report(value.Bytes);
    }
}
