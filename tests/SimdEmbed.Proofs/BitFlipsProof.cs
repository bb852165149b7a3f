using System.CommandLine;
using System.Diagnostics;
using SimdEmbed.Tests.Checkpoints;

namespace SimdEmbed.Proofs;

/// <summary><c>bit-flips --flips N</c>: every bit of a checkpoint's header, and N random bits of its data, changed one at a time.</summary>
internal static class BitFlipsProof
{
    public static Command Create()
    {
        Option<int> flips = new("--flips") { DefaultValueFactory = _ => 1_000_000, Description = "how many bits of data" };
        Command command = new("bit-flips", "Single bits of a checkpoint's file changed: each has to be noticed.") { flips };
        command.SetAction(call => Run(call.GetValue(flips)));
        return command;
    }

    private static int Run(int count)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("simdembed-");
        try
        {
            using SmallTraining training = new(rows: 400, dim: 8, users: 100);
            for (int i = 0; i < 20; i++) training.Step();
            CheckpointSaveOptions deltas = new() { MaxDeltas = 1 };
            Checkpoint.Save(folder.FullName, training.State, deltas);
            long missed = Flip("a full checkpoint", new BitFlips(folder.FullName, 1), count);
            training.Step();
            if (Checkpoint.Save(folder.FullName, training.State, deltas).Parent != 1) missed++;
            missed += Flip("a delta", new BitFlips(folder.FullName, 2), count);
            missed += Flip("what a delta builds on", new BitFlips(folder.FullName, 1), count / 10);
            return missed == 0 ? 0 : 1;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static long Flip(string what, BitFlips flips, int count)
    {
        Stopwatch clock = Stopwatch.StartNew();
        long header = flips.HeaderBytes * 8L;
        long missed = flips.IsWhole() ? 0 : 1;
        for (long bit = 0; bit < header; bit++) missed += flips.IsDetected(bit) ? 0 : 1;
        Random random = new(1);
        for (int i = 0; i < count; i++) missed += flips.IsDetected(random.NextInt64(header, flips.Bytes.Length * 8L)) ? 0 : 1;
        missed += flips.IsWhole() ? 0 : 1;
        Console.WriteLine($"bit-flips, {what}: all {header} of the header and {count} of {flips.Bytes.Length - flips.HeaderBytes} bytes of data, {missed} missed, {clock.Elapsed.TotalSeconds:F0} s");
        return missed;
    }
}
