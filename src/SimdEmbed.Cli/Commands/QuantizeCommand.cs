using System.CommandLine;
using System.CommandLine.Parsing;
using Spectre.Console;

namespace SimdEmbed.Cli;

/// <summary>What <c>quantize --json</c> prints.</summary>
internal sealed record QuantizeReport(string Input, string Output, RowCodec Codec, IReadOnlyList<QuantizedTable> Tables);

/// <summary>What became of one table.</summary>
internal sealed record QuantizedTable(string Name, long Rows, int Dim, long RowBytes, QuantizationReport Report);

/// <summary><c>simdembed quantize</c>: a file's tables in a compact codec, and what that cost.</summary>
internal static class QuantizeCommand
{
    private const string Extension = ".safetensors";
    private const string Codecs = "int8, int4, int2, float16 or bfloat16";

    public static Command Create()
    {
        Argument<string> input = FileArguments.File("IN", "A safetensors, PyTorch or NumPy file, or one of words: word2vec, GloVe, fastText's .vec; it is only read.");
        Argument<string> output = FileArguments.File("OUT", $"The file to write; its name ends in {Extension}.");
        Option<RowCodec> codec = new("--codec") { Description = $"How rows are stored: {Codecs}.", HelpName = "CODEC", Required = true, CustomParser = Parse };
        Option<string?> key = FileArguments.Key();
        key.Description = "Write this table alone.";
        Option<WordFormat?> from = WordFiles.From();
        Option<bool> json = FileArguments.Json();
        Command command = new("quantize", "Store a file's tables in 2 to 16 times less memory, and report what that cost in accuracy.") { input, output, codec, key, from, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(input) is not { Length: > 0 } source || result.GetValue(output) is not { Length: > 0 } target) return;
            if (!target.EndsWith(Extension, StringComparison.OrdinalIgnoreCase)) result.AddError($"OUT '{target}' must end in {Extension}.");
            else if (FilePaths.AreSame(source, target)) result.AddError($"OUT '{target}' is the file of IN, which is never written.");
        });
        command.SetAction(call => Run(new Call(
            call.GetRequiredValue(input), call.GetRequiredValue(output), call.GetRequiredValue(codec), call.GetValue(key), call.GetValue(from), call.GetValue(json))));
        return command;
    }

    private static int Run(Call call)
    {
        using Interruption interruption = new();
        try
        {
            QuantizeReport report = WordFiles.IsWords(call.Input, call.From) ? FromWords(call, interruption.Token) : FromTensors(call, interruption.Token);
            if (call.Json) CliJson.Print(report, CliJson.Default.QuantizeReport);
            else Print(report);
            return 0;
        }
        catch (ArgumentException e)
        {
            throw FilePaths.Refusal(call.Input, e);
        }
    }

    private static QuantizeReport FromWords(Call call, CancellationToken cancellationToken)
    {
        using WordTable words = WordFiles.Load(call.Input, call.From, skipBad: false, isShown: !call.Json, cancellationToken, out _);
        string name = call.Key ?? WordFiles.TableName;
        QuantizedTable quantized = Quantize(call, name, words.Table, out EmbeddingTable compact, cancellationToken);
        using WordTable compactWords = new(compact, words.Vocabulary);
        SafetensorsWriter writer = new();
        writer.Add(name, compactWords);
        Save(call, writer, compact.ByteCount, cancellationToken);
        return new QuantizeReport(call.Input, call.Output, call.Codec, [quantized]);
    }

    /// <summary>One table after the other: what is mapped or read of one is given back before the next.</summary>
    private static QuantizeReport FromTensors(Call call, CancellationToken cancellationToken)
    {
        using TableFile file = TableFile.Open(call.Input);
        TensorInfo[] tables = [.. file.Tensors.Where(tensor => tensor.IsTable && (call.Key == null || tensor.Name == call.Key))];
        if (tables.Length == 0)
        {
            string known = string.Join(", ", file.Tensors.Where(static tensor => tensor.IsTable).Take(8).Select(static tensor => $"'{tensor.Name}'"));
            throw new InvalidDataException($"{call.Input}: there is no table{(call.Key == null ? "" : $" '{call.Key}'")}; {(known.Length == 0 ? "it has none" : $"the tables are {known}")}.");
        }

        SafetensorsWriter writer = new();
        List<EmbeddingTable> made = [];
        List<QuantizedTable> quantized = [];
        try
        {
            foreach (TensorInfo tensor in tables)
            {
                using EmbeddingTable table = FileArguments.OpenTable(file, tensor.Name);
                string name = tensor.Name.Length == 0 ? WordFiles.TableName : tensor.Name;
                quantized.Add(Quantize(call, name, table, out EmbeddingTable compact, cancellationToken));
                made.Add(compact);
                writer.Add(name, compact);
            }

            CopyOthers(call, file, tables, writer);
            Save(call, writer, made.Sum(static table => table.ByteCount), cancellationToken);
        }
        finally
        {
            foreach (EmbeddingTable table in made) table.Dispose();
        }

        return new QuantizeReport(call.Input, call.Output, call.Codec, quantized);
    }

    /// <summary>What is no table stays as it is, and words stay with their table.</summary>
    private static void CopyOthers(Call call, TableFile file, TensorInfo[] tables, SafetensorsWriter writer)
    {
        foreach (TensorInfo tensor in file.Tensors)
        {
            bool isOfTable = Array.Exists(tables, table => file.HasWords(table.Name) && (tensor.Name == table.Name + ".words" || tensor.Name == table.Name + ".word_offsets"));
            bool isPair = Array.Exists(tables, table => tensor.Name == table.Name + ".scale_bias");
            if (tensor.IsTable || isPair || (call.Key != null && !isOfTable)) continue;
            string name = tensor.Name;
            writer.Add(name, tensor.Dtype, tensor.Shape, stream => file.CopyTo(name, stream));
        }

        foreach ((string key, string value) in file.Metadata)
        {
            if (!key.StartsWith("xxh3.", StringComparison.Ordinal) && !key.StartsWith("simdembed.", StringComparison.Ordinal)) writer.Metadata[key] = value;
        }
    }

    private static QuantizedTable Quantize(Call call, string name, EmbeddingTable table, out EmbeddingTable compact, CancellationToken cancellationToken)
    {
        int degree = Environment.ProcessorCount;
        long rowBytes = long.Max(table.RowCount == 0 ? 0 : table.ByteCount / table.RowCount, 1);
        EmbeddingTable? converted = null;
        QuantizationReport? report = null;
        try
        {
            ByteProgress.Run(
                $"convert {name}", table.ByteCount, !call.Json, progress => converted = table.ConvertTo(call.Codec, degree, InBytes(progress, rowBytes), cancellationToken));
            ByteProgress.Run(
                $"compare {name}",
                table.ByteCount,
                !call.Json,
                progress => report = QuantizationReport.Compare(table, converted!, degree, InBytes(progress, rowBytes), cancellationToken));
        }
        catch
        {
            converted?.Dispose();
            throw;
        }

        compact = converted!;
        return new QuantizedTable(name, compact.RowCount, compact.Dim, compact.RowCount == 0 ? 0 : compact.ByteCount / compact.RowCount, report!);
    }

    private static void Save(Call call, SafetensorsWriter writer, long bytes, CancellationToken cancellationToken) => FilePaths.Write(
        call.Output,
        () => ByteProgress.Run($"write {Path.GetFileName(call.Output)}", bytes, !call.Json, progress => writer.Save(call.Output, progress, cancellationToken)));

    private static RowsDone? InBytes(IProgress<long>? progress, long rowBytes) => progress == null ? null : new RowsDone(progress, rowBytes);

    private static void Print(QuantizeReport report)
    {
        foreach (QuantizedTable table in report.Tables)
        {
            Table shown = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumn("").AddColumn("");
            foreach ((string name, string value) in Facts(table))
            {
                if (Console.IsOutputRedirected) Console.Out.WriteLine($"{name}: {value}");
                else shown.AddRow(Markup.Escape(name), Markup.Escape(value));
            }

            if (!Console.IsOutputRedirected) AnsiConsole.Write(shown);
        }
    }

    private static IEnumerable<(string Name, string Value)> Facts(QuantizedTable table)
    {
        QuantizationReport report = table.Report;
        yield return ("table", PlainText.OneLine(table.Name));
        yield return ("codec", $"{report.Codec}, {table.Rows} rows of {table.Dim}, {table.RowBytes} bytes a row");
        yield return ("bytes", $"{report.BytesBefore} before, {report.BytesAfter} after");
        yield return ("largest absolute error", $"{report.MaxAbsoluteError:G6}");
        yield return ("mean absolute error", $"{report.MeanAbsoluteError:G6}");
        yield return ("mean error relative to row norm", $"{report.MeanRelativeError:G6}");
        yield return ("cosine similarity", $"min {report.MinCosine:F6}, 1st percentile {report.FirstPercentileCosine:F6}, mean {report.MeanCosine:F6}");
    }

    private static RowCodec Parse(ArgumentResult argument)
    {
        switch (argument.Tokens[0].Value)
        {
            case "int8": return RowCodec.Int8;
            case "int4": return RowCodec.Int4;
            case "int2": return RowCodec.Int2;
            case "float16": return RowCodec.Float16;
            case "bfloat16": return RowCodec.BFloat16;
            default:
                argument.AddError($"'{argument.Tokens[0].Value}' is no codec; {Codecs} are.");
                return default;
        }
    }

    private sealed class RowsDone(IProgress<long> progress, long rowBytes) : IProgress<long>
    {
        private long _most;

        /// <summary>Threads report in any order: the bar never goes back, and one writes at a time.</summary>
        public void Report(long value)
        {
            lock (progress)
            {
                if (value <= _most) return;
                _most = value;
                progress.Report(value * rowBytes);
            }
        }
    }

    private sealed record Call(string Input, string Output, RowCodec Codec, string? Key, WordFormat? From, bool Json);
}
