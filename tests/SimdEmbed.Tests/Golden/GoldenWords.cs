using System.Runtime.InteropServices;
using System.Text.Json;

namespace SimdEmbed.Tests.Golden;

/// <summary>The entries of <c>files.json</c> that are files of words and their vectors.</summary>
internal static class GoldenWords
{
    private static readonly Dictionary<string, WordFormat> s_formats = new()
    {
        ["word2vec_binary"] = WordFormat.Word2VecBinary,
        ["word2vec_text"] = WordFormat.Word2VecText,
        ["glove_text"] = WordFormat.GloVe,
    };

    public static bool Knows(string format) => s_formats.ContainsKey(format);

    /// <summary>Reads the entry as what it is called, and as what it looks like; both must come out as it says.</summary>
    public static void Run(string path, JsonElement entry)
    {
        WordFormat format = s_formats[entry.GetProperty("format").GetString()!];
        Run(path, entry, new WordOptions { Format = format }, format);
        Run(path, entry, new WordOptions(), format);
    }

    private static void Run(string path, JsonElement entry, WordOptions options, WordFormat format)
    {
        string expect = entry.GetProperty("expect").GetString()!;
        try
        {
            using WordTable loaded = WordVectors.Load(path, options, out WordReport report);
            if (expect == "refuse") throw new GoldenException("loaded, but must be refused");
            if (report.Format != format) throw new GoldenException($"taken for {report.Format}");
            Compare(loaded, entry.GetProperty("content"), report.Duplicates);
        }
        catch (TableFormatException e)
        {
            if (expect == "load") throw new GoldenException($"refused: {e.Message}");
        }
    }

    private static void Compare(WordTable loaded, JsonElement content, long duplicates)
    {
        string[] words = [.. content.GetProperty("words").EnumerateArray().Select(word => word.GetString()!)];
        GoldenTensor vectors = GoldenTensor.Parse(content.GetProperty("vectors"));
        float[] values = vectors.Floats();
        int[] first = [.. Enumerable.Range(0, words.Length).Where(i => Array.IndexOf(words, words[i]) == i)];
        if (loaded.Table.Dim != vectors.Columns) throw new GoldenException($"{loaded.Table.Dim} columns");
        if (loaded.Vocabulary.Count != first.Length || duplicates != words.Length - first.Length)
        {
            throw new GoldenException($"{loaded.Vocabulary.Count} words and {duplicates} duplicates instead of {first.Length} and {words.Length - first.Length}");
        }

        for (int row = 0; row < first.Length; row++)
        {
            string word = words[first[row]];
            if (loaded.Vocabulary.GetWord(row) != word) throw new GoldenException($"word {row} is '{loaded.Vocabulary.GetWord(row)}', not '{word}'");
            bool isText = !word.Contains('\uFFFD', StringComparison.Ordinal);
            if (isText && loaded.Vocabulary.IndexOf(word) != row) throw new GoldenException($"'{word}' is found at {loaded.Vocabulary.IndexOf(word)}");
            ReadOnlySpan<float> expected = values.AsSpan(first[row] * vectors.Columns, vectors.Columns);
            ReadOnlySpan<float> found = loaded.Table.GetRow(row);
            if (!MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(found))) throw new GoldenException($"the row of '{word}' has other bits");
        }
    }
}
