using System.Text;
using SimdEmbed.Tests.Checkpoints;

namespace SimdEmbed.AotTests;

/// <summary>
/// <c>crash-child DIRECTORY [SAVES] [--deltas] [--warm] [--in-place]</c>: loads what is there, then trains and saves until it is killed, and says on standard output
/// what it is about to do and what was acknowledged. Generation number and step are the same number.
/// </summary>
internal static class CrashChild
{
    /// <summary>So few that a run of any length has both kinds.</summary>
    private const int MaxDeltas = 5;

    private static readonly Stream s_output = Console.OpenStandardOutput();

    public static int Run(string[] arguments)
    {
        string directory = arguments[1];
        bool isInPlace = arguments.Contains("--in-place");
        long saves = arguments.Length > 2 && long.TryParse(arguments[2], out long count) ? count : long.MaxValue;
        CheckpointSaveOptions options = new() { MaxDeltas = arguments.Contains("--deltas") ? MaxDeltas : 0 };
        using SmallTraining training = SmallTraining.OfOneMegabyte();

        // What a first save alone does, such as finding a system library, is done elsewhere.
        for (int i = 0; i < 2 && arguments.Contains("--warm"); i++) Checkpoint.Save(directory + ".warm", training.State, options);
        if (Checkpoint.Exists(directory)) Checkpoint.Load(directory, training.State, new CheckpointLoadOptions { TrackRows = options.MaxDeltas > 0 });
        for (; saves > 0; saves--)
        {
            training.Step();
            if (isInPlace) SaveInPlace(directory, training);
            else Save(directory, training, options);
        }

        return 0;
    }

    private static void Save(string directory, SmallTraining training, CheckpointSaveOptions options)
    {
        ulong hash = training.Hash();
        string[] before = Directory.Exists(directory) ? Directory.GetFiles(directory, ".*") : [];
        Say($"begin {training.State.Step}");
        try
        {
            Say($"ack {Checkpoint.Save(directory, training.State, options).Generation}");
            return;
        }
        catch (CheckpointWriteException e)
        {
            // As the exception promises: the previous generation is there, nothing else is, and the state is as it was.
            IReadOnlyList<CheckpointGeneration> left = Checkpoint.Verify(directory);
            long intact = left.Count == 0 || left[0].Problem != null ? 0 : left[0].Generation;
            bool isClean = Directory.GetFiles(directory, ".*").All(file => before.Contains(file)) && training.Hash() == hash && (e.IntactGeneration ?? intact) == intact;
            Say($"refused {intact} {(isClean ? "clean" : "dirty")} {e.Message}");
        }

        Say($"ack {Checkpoint.Save(directory, training.State, options).Generation}");
    }

    /// <summary>How not to do it: over the bytes of the newest generation. The kill test has to notice.</summary>
    private static void SaveInPlace(string directory, SmallTraining training)
    {
        string scratch = directory + ".scratch";
        Directory.CreateDirectory(scratch);
        foreach (string old in Directory.GetFiles(scratch)) File.Delete(old);
        long step = training.State.Step;
        File.WriteAllBytes(Path.Combine(scratch, Name(step - 1)), []);
        byte[] bytes = File.ReadAllBytes(Checkpoint.Save(scratch, training.State).Path);
        Say($"begin {step}");
        Directory.CreateDirectory(directory);
        string before = Path.Combine(directory, Name(step - 1));
        using (FileStream file = new(before, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, 0))
        {
            for (int done = 0; done < bytes.Length; done += 4096) file.Write(bytes, done, int.Min(4096, bytes.Length - done));
            file.Flush(flushToDisk: true);
        }

        File.Move(before, Path.Combine(directory, Name(step)));
        Say($"ack {step}");
    }

    private static string Name(long generation) => $"checkpoint-{generation:D8}.safetensors";

    // One write each, so that what was said was said when the process is killed.
    private static void Say(string line) => s_output.Write(Encoding.UTF8.GetBytes(line + "\n"));
}
