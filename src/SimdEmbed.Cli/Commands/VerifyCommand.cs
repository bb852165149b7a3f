using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary>What <c>verify --json</c> prints.</summary>
internal sealed record VerifyReport(string Path, string Format, int Tensors, int WithSum);

/// <summary><c>simdembed verify</c>: reads all of a file, or of each checkpoint in a directory, and compares the sums it has.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        Argument<string> path = FileArguments.File("PATH", "A safetensors, PyTorch or NumPy file, or a directory of checkpoints.");
        Option<bool> json = FileArguments.Json();
        Command command = new("verify", "Check a file's structure, and its data against the sums in it.") { path, json };
        command.SetAction(call => Run(call.GetRequiredValue(path), call.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool json)
    {
        using Interruption interruption = new();
        if (Directory.Exists(path)) return VerifyCheckpoints(path, json, interruption.Token);
        using TableFile file = TableFile.Open(path);
        int withSum = file.Verify(cancellationToken: interruption.Token);
        VerifyReport report = new(path, file.Format.ToString(), file.Tensors.Count, withSum);
        if (json) CliJson.Print(report, CliJson.Default.VerifyReport);
        else Console.Out.WriteLine($"{path}: {report.Format}, {PlainText.Tensors(report.Tensors)}, {withSum} of them with a sum: nothing is wrong");
        return 0;
    }

    private static int VerifyCheckpoints(string directory, bool json, CancellationToken cancellationToken)
    {
        IReadOnlyList<CheckpointGeneration> generations = Checkpoint.Verify(directory, cancellationToken);
        CheckpointDirectories.CheckAny(directory, generations);
        CheckpointGeneration? loads = CheckpointDirectories.Loaded(generations);
        if (json)
        {
            CliJson.Print(new CheckpointsReport(directory, generations, loads?.Generation), CliJson.Default.CheckpointsReport);
        }
        else
        {
            foreach (CheckpointGeneration generation in generations)
            {
                string state = generation.Problem ?? (generation == loads ? "nothing is wrong; this one is loaded" : "nothing is wrong");
                Console.Out.WriteLine(CheckpointDirectories.Text(generation, state));
            }
        }

        int damaged = generations.Count(static generation => generation.Problem != null);
        if (damaged == 0) return 0;
        string rest = loads == null ? "none can be loaded" : $"a load takes generation {loads.Generation}";
        throw new InvalidDataException($"{directory}: {damaged} of {generations.Count} generations are damaged, or build on one that is; {rest}.");
    }
}
