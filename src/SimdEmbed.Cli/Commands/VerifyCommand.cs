using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary>What <c>verify --json</c> prints.</summary>
internal sealed record VerifyReport(string Path, string Format, int Tensors, int WithSum);

/// <summary><c>simdembed verify</c>: reads all of a file and compares the sums it has.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        Argument<string> path = FileArguments.File("PATH", "A safetensors, PyTorch or NumPy file.");
        Option<bool> json = FileArguments.Json();
        Command command = new("verify", "Check a file's structure, and its data against the sums in it.") { path, json };
        command.SetAction(call => Run(call.GetRequiredValue(path), call.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool json)
    {
        using Interruption interruption = new();
        using TableFile file = TableFile.Open(path);
        int withSum = file.Verify(cancellationToken: interruption.Token);
        VerifyReport report = new(path, file.Format.ToString(), file.Tensors.Count, withSum);
        if (json) CliJson.Print(report, CliJson.Default.VerifyReport);
        else Console.Out.WriteLine($"{path}: {report.Format}, {report.Tensors} tensors, {withSum} of them with a sum: nothing is wrong");
        return 0;
    }
}
