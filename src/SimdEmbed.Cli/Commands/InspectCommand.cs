using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary>What <c>inspect --json</c> prints.</summary>
internal sealed record FileReport(string Path, string Format, IReadOnlyList<TensorReport> Tensors, IReadOnlyDictionary<string, string> Metadata);

/// <summary>What <c>inspect --json</c> prints of a directory of checkpoints: its generations by their headers, and the newest one's file.</summary>
internal sealed record DirectoryReport(string Path, IReadOnlyList<CheckpointGeneration> Generations, FileReport? Newest);

/// <summary>
/// One tensor. <c>Alignment</c> is the largest power of two up to 64 that divides its offset; null when it is not in the file as it is.
/// <c>Codec</c> is how a table's rows are stored, and <c>RowBytes</c> what one takes with its scale and bias; null for no table.
/// </summary>
internal sealed record TensorReport(
    string Name, string Dtype, long[] Shape, long Bytes, long? Offset, int? Alignment, bool CanBeMapped, string? XxHash3, NormReport? Norms,
    WordsReport? Words = null, RowCodec? Codec = null, long? RowBytes = null);

/// <summary>The words of a table's rows, and the first of them; for a file of words, what was found in it.</summary>
internal sealed record WordsReport(int Count, string[] First, WordReport? File = null);

/// <summary>How long a table's rows are; not-a-number rows are counted apart.</summary>
internal sealed record NormReport(double Min, double P25, double Median, double P75, double Max, long Zeros, long NotNumbers);

/// <summary><c>simdembed inspect</c>: what a file holds, without reading its data.</summary>
internal static class InspectCommand
{
    private const int CacheLine = 64;
    private const int FirstWords = 8;

    public static Command Create()
    {
        Argument<string> file = FileArguments.File("FILE", "A safetensors, PyTorch or NumPy file, one of words (word2vec, GloVe, fastText's .vec), or a directory of checkpoints.");
        Option<bool> norms = new("--norms") { Description = "Read the tables and show how long their rows are." };
        Option<WordFormat?> from = WordFiles.From();
        Option<bool> skipBad = WordFiles.SkipBad();
        Option<bool> json = FileArguments.Json();
        Command command = new("inspect", "List the tensors of a file: names, types, shapes, where they lie, their sums and their words.") { file, norms, from, skipBad, json };
        command.SetAction(call => Run(
            call.GetRequiredValue(file), call.GetValue(norms), call.GetValue(from), call.GetValue(skipBad), call.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool norms, WordFormat? from, bool skipBad, bool json)
    {
        if (Directory.Exists(path)) return InspectCheckpoints(path, norms, json);
        FileReport report = WordFiles.IsWords(path, from) ? DescribeWords(path, norms, from, skipBad, json) : DescribeTensors(path, norms);
        if (json)
        {
            CliJson.Print(report, CliJson.Default.FileReport);
            return 0;
        }

        using StreamWriter output = new(Console.OpenStandardOutput());
        Print(report, output);
        return 0;
    }

    private static int InspectCheckpoints(string directory, bool norms, bool json)
    {
        IReadOnlyList<CheckpointGeneration> generations = Checkpoint.List(directory);
        CheckpointDirectories.CheckAny(directory, generations);
        FileReport? newest = CheckpointDirectories.Loaded(generations) is { } loaded ? DescribeTensors(loaded.Path, norms) : null;
        if (json)
        {
            CliJson.Print(new DirectoryReport(directory, generations, newest), CliJson.Default.DirectoryReport);
            return 0;
        }

        using StreamWriter output = new(Console.OpenStandardOutput());
        foreach (CheckpointGeneration generation in generations) output.WriteLine(CheckpointDirectories.Text(generation, generation.Problem ?? "its header is right"));
        if (newest != null) Print(newest, output);
        return 0;
    }

    private static FileReport DescribeTensors(string path, bool norms)
    {
        using TableFile file = TableFile.Open(path);
        return new FileReport(path, file.Format.ToString(), [.. file.Tensors.Select(tensor => Describe(file, tensor, norms))], file.Metadata);
    }

    private static FileReport DescribeWords(string path, bool norms, WordFormat? from, bool skipBad, bool json)
    {
        using Interruption interruption = new();
        using WordTable words = WordFiles.Load(path, from, skipBad, isShown: !json, interruption.Token, out WordReport found);
        EmbeddingTable table = words.Table;
        TensorReport tensor = new(
            "", "float32", [table.RowCount, table.Dim], table.RowCount * table.Dim * sizeof(float), null, null, false, null,
            norms ? Norms(table) : null, Words(words.Vocabulary, found));
        return new FileReport(path, found.Format.ToString(), [tensor], new Dictionary<string, string>());
    }

    private static WordsReport Words(Vocabulary vocabulary, WordReport? found = null) =>
        new(vocabulary.Count, [.. Enumerable.Range(0, Math.Min(FirstWords, vocabulary.Count)).Select(vocabulary.GetWord)], found);

    private static TensorReport Describe(TableFile file, TensorInfo tensor, bool norms)
    {
        int? alignment = null;
        if (tensor.Offset is { } offset) alignment = (int)Math.Min(CacheLine, offset == 0 ? CacheLine : offset & -offset);
        bool canBeMapped = tensor.IsTable && file.CanMapTable(tensor.Name);
        return new TensorReport(
            tensor.Name,
            tensor.Dtype.ToString().ToLowerInvariant(),
            tensor.Shape.ToArray(),
            tensor.ByteLength,
            tensor.Offset,
            alignment,
            canBeMapped,
            file.Metadata.GetValueOrDefault($"xxh3.{tensor.Name}"),
            norms && tensor.IsTable ? Norms(file, tensor.Name) : null,
            tensor.IsTable && file.HasWords(tensor.Name) ? Words(file.LoadVocabulary(tensor.Name)) : null,
            tensor.Codec,
            tensor.IsTable ? tensor.RowBytes : null);
    }

    private static NormReport Norms(TableFile file, string name)
    {
        using EmbeddingTable table = FileArguments.OpenTable(file, name);
        return Norms(table);
    }

    private static NormReport Norms(EmbeddingTable table)
    {
        List<double> norms = new((int)Math.Min(table.RowCount, Array.MaxLength));
        float[] values = new float[table.Dim];
        long notNumbers = 0;
        for (long row = 0; row < table.RowCount; row++)
        {
            double sum = 0;
            table.CopyRowTo(row, values);
            foreach (float value in values) sum += (double)value * value;
            if (double.IsNaN(sum)) notNumbers++;
            else norms.Add(Math.Sqrt(sum));
        }

        if (norms.Count == 0) return new NormReport(0, 0, 0, 0, 0, 0, notNumbers);
        norms.Sort();
        return new NormReport(norms[0], At(0.25), At(0.5), At(0.75), norms[^1], norms.Count(norm => norm == 0), notNumbers);

        double At(double part) => norms[(int)(part * (norms.Count - 1))];
    }

    private static void Print(FileReport report, StreamWriter output)
    {
        output.WriteLine($"{PlainText.OneLine(report.Path)}: {report.Format}, {PlainText.Tensors(report.Tensors.Count)}, {PlainText.Total(report.Tensors.Select(tensor => tensor.Bytes))} bytes");
        foreach (TensorReport tensor in report.Tensors)
        {
            string name = tensor.Name.Length == 0 ? "(no name)" : PlainText.OneLine(tensor.Name);
            output.WriteLine($"  {name}  {tensor.Dtype} [{string.Join(", ", tensor.Shape)}]  {tensor.Bytes} bytes{Place(tensor)}");
            if (tensor.RowBytes is { } rowBytes) output.WriteLine($"    table of {tensor.Codec?.ToString() ?? "Float32, converted"} rows, {rowBytes} bytes a row");
            if (tensor.XxHash3 != null) output.WriteLine($"    XxHash3 {PlainText.OneLine(tensor.XxHash3)}");
            if (tensor.Words is { } words)
            {
                string more = words.Count > words.First.Length ? ", ..." : "";
                output.WriteLine($"    {words.Count} words: {string.Join(", ", words.First.Select(PlainText.OneLine))}{more}");
                foreach (string passed in words.File == null ? [] : WordFiles.Passed(words.File)) output.WriteLine($"    {passed}");
            }

            if (tensor.Norms is not { } norms) continue;
            output.WriteLine(
                $"    row norms: min {norms.Min:G6}, quartiles {norms.P25:G6} {norms.Median:G6} {norms.P75:G6}, max {norms.Max:G6}; "
                    + $"{norms.Zeros} zero rows, {norms.NotNumbers} not a number");
        }

        foreach ((string key, string value) in report.Metadata)
        {
            if (!key.StartsWith("xxh3.", StringComparison.Ordinal)) output.WriteLine($"  {PlainText.OneLine(key)} = {PlainText.OneLine(value)}");
        }
    }

    private static string Place(TensorReport tensor)
    {
        if (tensor.Offset == null) return ", not in the file as it is (compressed, or empty)";
        string speed = !tensor.CanBeMapped ? "" : tensor.Alignment == CacheLine ? ", can be mapped" : ", can be mapped, with slower lookups";
        return $" at {tensor.Offset}, aligned to {tensor.Alignment}{speed}";
    }
}
