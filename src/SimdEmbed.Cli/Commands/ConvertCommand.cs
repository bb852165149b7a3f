using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary>What <c>convert --json</c> prints.</summary>
internal sealed record ConvertReport(string Input, string InputFormat, string Output, string OutputFormat, int Tensors, long Bytes);

/// <summary><c>simdembed convert</c>: from any format that is read to any that is written.</summary>
internal static class ConvertCommand
{
    private const string Formats = ".safetensors, .pth, .pt, .npy or .npz";

    public static Command Create()
    {
        Argument<string> input = FileArguments.File("IN", "A safetensors, PyTorch or NumPy file; it is only read.");
        Argument<string> output = FileArguments.File("OUT", $"The file to write; its name ends in {Formats}.");
        Option<string?> key = FileArguments.Key();
        key.Description = "Write this tensor alone.";
        Option<bool> json = FileArguments.Json();
        Command command = new("convert", "Write a file's tensors in another format.") { input, output, key, json };
        command.Validators.Add(result =>
        {
            if (result.GetValue(input) is not { Length: > 0 } from || result.GetValue(output) is not { Length: > 0 } to) return;
            if (FormatOf(to) == null) result.AddError($"OUT '{to}' must end in {Formats}.");
            else if (FilePaths.AreSame(from, to)) result.AddError($"OUT '{to}' is the file of IN, which is never written.");
        });
        command.SetAction(call => Run(
            call.GetRequiredValue(input), call.GetRequiredValue(output), call.GetValue(key), call.GetValue(json)));
        return command;
    }

    private static int Run(string input, string output, string? key, bool json)
    {
        using Interruption interruption = new();
        using TableFile file = TableFile.Open(input);
        TableFileFormat format = FormatOf(output)!.Value;
        List<TensorInfo> tensors = [.. file.Tensors.Where(tensor => key == null || tensor.Name == key)];
        long bytes = tensors.Sum(tensor => tensor.ByteLength);
        try
        {
            ByteProgress.Run(
                $"convert {Path.GetFileName(input)}",
                bytes,
                isShown: !json,
                progress => file.SaveAs(output, format, key, progress, interruption.Token));
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{input}: {e.Message.Split(" (Parameter")[0]}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The system's message may name the temporary file, which the user has never heard of.
            throw new IOException($"cannot write '{output}': {e.Message}", e);
        }

        ConvertReport report = new(input, file.Format.ToString(), output, format.ToString(), tensors.Count, bytes);
        if (json) CliJson.Print(report, CliJson.Default.ConvertReport);
        else Console.Out.WriteLine($"{output}: {report.OutputFormat}, {report.Tensors} tensors, {report.Bytes} bytes");
        return 0;
    }

    private static TableFileFormat? FormatOf(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".safetensors" => TableFileFormat.Safetensors,
        ".pth" or ".pt" => TableFileFormat.PyTorch,
        ".npy" => TableFileFormat.Npy,
        ".npz" => TableFileFormat.Npz,
        _ => null,
    };
}
