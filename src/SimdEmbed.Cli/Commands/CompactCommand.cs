using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary><c>simdembed compact</c>: folds the newest checkpoint of a directory, a chain of deltas, into a full one.</summary>
internal static class CompactCommand
{
    public static Command Create()
    {
        Argument<string> directory = FileArguments.File("DIR", "A directory of checkpoints.");
        Option<int> keep = new("--keep") { DefaultValueFactory = static _ => 2, Description = "How many full generations are kept, the new one included.", HelpName = "N" };
        keep.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<int>() < 1) result.AddError("--keep must be 1 or more.");
        });
        Option<bool> json = FileArguments.Json();
        Command command = new("compact", "Fold the newest checkpoint, a chain of deltas, into a full one.") { directory, keep, json };
        command.SetAction(call => Run(call.GetRequiredValue(directory), call.GetValue(keep), call.GetValue(json)));
        return command;
    }

    private static int Run(string directory, int keep, bool json)
    {
        using Interruption interruption = new();
        IReadOnlyList<CheckpointGeneration> before = Checkpoint.List(directory);
        CheckpointDirectories.CheckAny(directory, before);
        SavedCheckpoint? saved = null;
        ByteProgress.Run($"compact {directory}", before.Max(static generation => generation.Bytes), !json, progress =>
        {
            Report? report = progress == null ? null : new Report(progress);
            saved = Checkpoint.Compact(directory, new CheckpointSaveOptions { Keep = keep }, report, interruption.Token);
        });
        IReadOnlyList<CheckpointGeneration> after = Checkpoint.List(directory);
        if (json)
        {
            CliJson.Print(new CheckpointsReport(directory, after, saved!.Generation), CliJson.Default.CheckpointsReport);
            return 0;
        }

        bool isNew = saved!.Generation != before[0].Generation;
        foreach (CheckpointGeneration generation in after)
        {
            string state = generation.Generation != saved.Generation ? generation.Problem ?? "kept" : isNew ? "made" : "full already";
            Console.Out.WriteLine(CheckpointDirectories.Text(generation, state));
        }

        return 0;
    }

    private sealed class Report(IProgress<long> progress) : IProgress<CheckpointProgress>
    {
        void IProgress<CheckpointProgress>.Report(CheckpointProgress value) => progress.Report(value.Bytes);
    }
}
