using System.CommandLine;

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
            CustomParser = FileArguments.ParseIndices,
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
        if (words == null)
        {
            using Embedding rows = Embedding.FromPretrained(FileArguments.OpenTable(file, key));
            return Run(path, rows, indices!, words, json);
        }

        key ??= WordFiles.OnlyTable(file);
        using Embedding embedding = Embedding.FromPretrained(FileArguments.OpenTable(file, key));
        return Run(path, embedding, IndicesOf(path, file.LoadVocabulary(key), words), words, json);
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
            // The parameter's name that the exception adds is none of the user's.
            throw new InvalidDataException($"{path}: {e.Message.Split(" (Parameter")[0]}", e);
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
