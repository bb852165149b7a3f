using System.CommandLine;
using System.Diagnostics;
using SimdEmbed.Tests.Checkpoints;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>lost-writes --states N</c>: training and saving on a file system that loses any legal part of what was not flushed, looked at after
/// every change of the disk; and the same with each flush left out, which must be noticed.
/// </summary>
internal static class LostWritesProof
{
    public static Command Create()
    {
        Option<long> states = new("--states") { DefaultValueFactory = _ => 100_000, Description = "how many crash states" };
        Option<int> seed = new("--seed") { DefaultValueFactory = _ => 1, Description = "where the random choices start" };
        Command command = new("lost-writes", "A loss of power after every change of the disk, with any legal part of what was not flushed.") { states, seed };
        command.SetAction(call => Run(call.GetValue(states), call.GetValue(seed)));
        return command;
    }

    private static int Run(long states, int seed)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using LostWrites right = Look(new LostWriteDisk(), states, seed);
        using LostWrites noFile = Look(new LostWriteDisk { SkipsFileSync = true }, states / 10, seed);
        using LostWrites noDirectory = Look(new LostWriteDisk { SkipsDirectorySync = true }, states / 10, seed);
        Console.WriteLine($"without fsync of the file: {noFile.Lost} of {noFile.States} lost; without fsync of the directory: {noDirectory.Lost} of {noDirectory.States} lost");
        Console.WriteLine($"lost-writes: {right.States} crash states, {right.Lost} lost, {right.Corrupt + noFile.Corrupt + noDirectory.Corrupt} corrupt ones loaded, {right.Ahead} whole before they were acknowledged, {right.Chained} loaded through deltas, {right.Compacted} chains folded, {clock.Elapsed.TotalSeconds:F0} s");
        bool isProven = right is { States: > 0, Lost: 0, Corrupt: 0, Ahead: > 0, Chained: > 0, Compacted: > 0 } && noFile.Corrupt + noDirectory.Corrupt == 0;
        return isProven && noFile.Lost > 0 && noDirectory.Lost > 0 ? 0 : 1;
    }

    private static LostWrites Look(LostWriteDisk disk, long states, int seed)
    {
        LostWrites run = new(disk, statesPerChange: 20, seed);
        run.Run(states);
        return run;
    }
}
