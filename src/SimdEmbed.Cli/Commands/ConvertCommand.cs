using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary>What <c>convert --json</c> prints. <c>Words</c> is what was found in a file of words, null for any other.</summary>
internal sealed record ConvertReport(
    string Input, string InputFormat, string Output, string OutputFormat, int Tensors, long Bytes, WordReport? Words);

/// <summary><c>simdembed convert</c>: from any format that is read to any that is written.</summary>
internal static class ConvertCommand
{
    private const string Formats = ".safetensors, .pth, .pt, .npy or .npz; for words, .bin, .vec or .txt (GloVe)";

    public static Command Create()
    {
        Argument<string> input = FileArguments.File("IN", "A safetensors, PyTorch or NumPy file, or one of words: word2vec, GloVe, fastText's .vec; it is only read.");
        Argument<string> output = FileArguments.File("OUT", $"The file to write; its name ends in {Formats}.");
        Option<string?> key = FileArguments.Key();
        key.Description = "Write this tensor alone.";
        Option<bool> json = FileArguments.Json();
        Option<WordFormat?> from = WordFiles.From();
        Option<WordFormat?> to = WordFiles.Format("--to", "What file of words to write, if the name of OUT is not to decide");
        Option<bool> skipBad = WordFiles.SkipBad();
        Command command = new("convert", "Write a file's tensors, or its words and their vectors, in another format.") { input, output, key, from, to, skipBad, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(input) is not { Length: > 0 } source || result.GetValue(output) is not { Length: > 0 } target) return;
            bool isKnown = result.GetResult(to) is { Implicit: false } || FormatOf(target) != null || WordFormatOf(target, null) != null;
            if (!isKnown) result.AddError($"OUT '{target}' must end in {Formats}.");
            else if (FilePaths.AreSame(source, target)) result.AddError($"OUT '{target}' is the file of IN, which is never written.");
        });
        command.SetAction(call => Run(
            new Call(call.GetRequiredValue(input), call.GetRequiredValue(output), call.GetValue(key), call.GetValue(from), call.GetValue(skipBad), call.GetValue(json)),
            WordFormatOf(call.GetRequiredValue(output), call.GetValue(to))));
        return command;
    }

    private static int Run(Call call, WordFormat? to)
    {
        using Interruption interruption = new();
        try
        {
            ConvertReport report = WordFiles.IsWords(call.Input, call.From) ? FromWords(call, to, interruption.Token)
                : to is { } format ? ToWords(call, format, interruption.Token)
                : Tensors(call, interruption.Token);
            if (call.Json) CliJson.Print(report, CliJson.Default.ConvertReport);
            else Console.Out.WriteLine($"{call.Output}: {report.OutputFormat}, {PlainText.Tensors(report.Tensors)}, {report.Bytes} bytes");
            return 0;
        }
        catch (ArgumentException e)
        {
            throw FilePaths.Refusal(call.Input, e);
        }
    }

    private static ConvertReport Tensors(Call call, CancellationToken cancellationToken)
    {
        using TableFile file = TableFile.Open(call.Input);
        TableFileFormat format = FormatOf(call.Output)!.Value;
        List<TensorInfo> tensors = [.. file.Tensors.Where(tensor => call.Key == null || tensor.Name == call.Key)];
        long bytes = (long)Int128.Min(long.MaxValue, PlainText.Total(tensors.Select(tensor => tensor.ByteLength)));
        Write(call, bytes, progress => file.SaveAs(call.Output, format, call.Key, progress, cancellationToken));
        return new ConvertReport(call.Input, file.Format.ToString(), call.Output, format.ToString(), tensors.Count, bytes, null);
    }

    private static ConvertReport FromWords(Call call, WordFormat? to, CancellationToken cancellationToken)
    {
        using WordTable words = WordFiles.Load(call.Input, call.From, call.SkipBad, isShown: !call.Json, cancellationToken, out WordReport found);
        string format = to?.ToString() ?? FormatOf(call.Output)!.Value.ToString();
        if (to is { } wordFormat) Write(call, words, wordFormat, cancellationToken);
        else Write(call, Bytes(words), progress => WordTensors.Save(call.Output, call.Key ?? WordFiles.TableName, words, FormatOf(call.Output)!.Value, progress, cancellationToken));
        foreach (string passed in call.Json ? [] : WordFiles.Passed(found)) StandardError.WriteLine("note", passed);
        return Report(call, found.Format.ToString(), format, words, found);
    }

    private static ConvertReport ToWords(Call call, WordFormat to, CancellationToken cancellationToken)
    {
        using TableFile file = TableFile.Open(call.Input);
        using WordTable words = file.LoadWords(call.Key ?? WordFiles.OnlyTable(file, call.Input));
        Write(call, words, to, cancellationToken);
        return Report(call, file.Format.ToString(), to.ToString(), words, null);
    }

    private static ConvertReport Report(Call call, string from, string to, WordTable words, WordReport? found) =>
        new(call.Input, from, call.Output, to, Tensors: 1, Bytes(words), found);

    private static long Bytes(WordTable words) => words.Table.RowCount * words.Table.Dim * sizeof(float);

    private static void Write(Call call, WordTable words, WordFormat to, CancellationToken cancellationToken)
    {
        // In text, a float takes 10 characters and a space, about.
        long bytes = to == WordFormat.Word2VecBinary ? Bytes(words) : Bytes(words) / sizeof(float) * 11;
        Write(call, bytes, progress => WordVectors.Save(call.Output, words, to, progress, cancellationToken));
    }

    private static void Write(Call call, long bytes, Action<IProgress<long>?> write) => FilePaths.Write(
        call.Output, () => ByteProgress.Run($"convert {Path.GetFileName(call.Input)}", bytes, isShown: !call.Json, write));

    private static WordFormat? WordFormatOf(string path, WordFormat? given) => given ?? Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".bin" => WordFormat.Word2VecBinary,
        ".vec" => WordFormat.Word2VecText,
        ".txt" => WordFormat.GloVe,
        _ => null,
    };

    private static TableFileFormat? FormatOf(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".safetensors" => TableFileFormat.Safetensors,
        ".pth" or ".pt" => TableFileFormat.PyTorch,
        ".npy" => TableFileFormat.Npy,
        ".npz" => TableFileFormat.Npz,
        _ => null,
    };

    private sealed record Call(string Input, string Output, string? Key, WordFormat? From, bool SkipBad, bool Json);
}
