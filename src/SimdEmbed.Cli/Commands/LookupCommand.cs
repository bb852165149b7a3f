using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace SimdEmbed.Cli;

/// <summary>What <c>lookup --json</c> prints.</summary>
internal sealed record LookupReport(long[] Indices, int Dim, float[][] Rows, string[]? Words);

/// <summary><c>simdembed lookup</c>: rows of a table in a file.</summary>
internal static class LookupCommand
{
    public static Command Create()
    {
        Argument<string> file = FileArguments.File("FILE", "A safetensors, PyTorch or NumPy file, or one of words: word2vec, GloVe, fastText's .vec.");
        Option<string?> key = FileArguments.Key();
        Option<long[]?> indices = new("--indices")
        {
            Description = "The rows, with commas between them: 1,2,3.",
            HelpName = "LIST",
            CustomParser = ParseIndices,
        };
        Option<string?> words = new("--words")
        {
            Description = "The rows of these words, with commas between them: king,queen.",
            HelpName = "LIST",
        };
        Option<WordFormat?> from = WordFiles.From();
        Option<bool> json = FileArguments.Json();
        Command command = new("lookup", "Show rows of a table.") { file, key, indices, words, from, json };
        command.Validators.Add(result =>
        {
            bool hasIndices = result.GetResult(indices) is { Implicit: false };
            bool hasWords = result.GetResult(words) is { Implicit: false };
            if (hasIndices == hasWords) result.AddError(hasWords ? "Give --indices or --words, not both." : "Option '--indices' or '--words' is required.");
        });
        command.SetAction(call => Run(
            call.GetRequiredValue(file), call.GetValue(key), call.GetValue(indices), call.GetValue(words)?.Split(','), call.GetValue(from), call.GetValue(json)));
        return command;
    }

    private static int Run(string path, string? key, long[]? indices, string[]? words, WordFormat? from, bool json)
    {
        if (WordFiles.IsWords(path, from))
        {
            using Interruption interruption = new();
            using WordTable table = WordFiles.Load(path, from, skipBad: false, isShown: !json, interruption.Token, out _);
            using Embedding rows = Embedding.FromPretrained(table.Table, leaveOpen: true);
            return Run(path, rows, words == null ? indices! : IndicesOf(path, table.Vocabulary, words), words, json);
        }

        using TableFile file = TableFile.Open(path);
        if (words != null) key ??= WordFiles.OnlyTable(file, path);
        using Embedding embedding = Embedding.FromPretrained(FileArguments.OpenTable(file, key));
        return Run(path, embedding, words == null ? indices! : IndicesOf(path, file.LoadVocabulary(key!), words), words, json);
    }

    /// <summary>Whole numbers with commas between them.</summary>
    private static long[]? ParseIndices(ArgumentResult argument)
    {
        string given = argument.Tokens[0].Value;
        string[] words = given.Split(',');
        long[] indices = new long[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            if (long.TryParse(words[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out indices[i])) continue;
            argument.AddError($"--indices '{given}' are not whole numbers with commas between them.");
            return null;
        }

        return indices;
    }

    private static long[] IndicesOf(string path, Vocabulary vocabulary, string[] words)
    {
        long[] indices = [.. words.Select(word => (long)vocabulary.IndexOf(word))];
        int unknown = Array.IndexOf(indices, Vocabulary.Unknown);
        return unknown < 0 ? indices : throw new InvalidDataException($"{path}: the word '{words[unknown]}' is none of its {vocabulary.Count} words.");
    }

    private static int Run(string path, Embedding embedding, long[] indices, string[]? words, bool json)
    {
        int dim = embedding.EmbeddingDim;
        float[] output = new float[indices.Length * (long)dim];
        try
        {
            embedding.Forward<long>(indices, output);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw FilePaths.Refusal(path, e);
        }

        float[][] rows = [.. indices.Select((_, i) => output[(i * dim)..((i + 1) * dim)])];
        if (json)
        {
            CliJson.Print(new LookupReport(indices, dim, rows, words), CliJson.Default.LookupReport);
            return 0;
        }

        using StreamWriter text = new(Console.OpenStandardOutput());
        string[] lines = MatrixText.Lines(rows);
        for (int i = 0; i < lines.Length; i++) text.WriteLine($"row {indices[i]}{(words == null ? "" : $" ({words[i]})")}  {lines[i]}");
        return 0;
    }
}
