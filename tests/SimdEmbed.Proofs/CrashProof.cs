using System.CommandLine;
using System.Diagnostics;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>crash --child FILE --kills N</c>: a native process trains and saves in a loop and is killed at random moments, then at every system call of a
/// save, then every call fails once as on a full or broken disk. After each, an oracle outside the process looks at what is left. Half of it
/// is with full checkpoints alone, and half with deltas between them. The same with saves that write in place has to fail.
/// </summary>
internal static class CrashProof
{
    private const int InPlaceKills = 200;

    /// <summary>Of all kills, so many have to fall between the begin of a save and its acknowledgement.</summary>
    private const double LeastShareInside = 0.4;

    public static Command Create()
    {
        Option<int> kills = new("--kills") { DefaultValueFactory = _ => 2000, Description = "how many kills at random moments" };
        Option<string> child = new("--child") { Required = true, Description = "the native build of SimdEmbed.AotTests" };
        Option<int> seed = new("--seed") { DefaultValueFactory = _ => 1, Description = "where the random choices start" };
        Command command = new("crash", "Kills and failing system calls while a native process saves checkpoints.") { kills, child, seed };
        command.SetAction(call => Run(call.GetValue(kills), call.GetRequiredValue(child), call.GetValue(seed)));
        return command;
    }

    private static int Run(int kills, string child, int seed)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("simdembed-");
        try
        {
            bool isProven = KillAtRandom("full", kills / 2, child, Path.Combine(folder.FullName, "full"), seed);
            isProven &= KillAtRandom("deltas", kills - (kills / 2), child, Path.Combine(folder.FullName, "deltas"), seed, "--deltas");
            isProven &= KillInPlace(child, Path.Combine(folder.FullName, "in-place"), seed);
            if (File.Exists(SystemCalls.Tracer)) isProven &= new SystemCalls(child, folder.CreateSubdirectory("calls").FullName).Run() & new SystemCalls(child, folder.CreateSubdirectory("delta-calls").FullName, "--deltas").Run();
            else Console.WriteLine($"not run: system calls ({SystemCalls.Tracer} is missing)");
            return isProven ? 0 : 1;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static bool KillAtRandom(string kind, int kills, string child, string directory, int seed, params string[] more)
    {
        using CrashOracle oracle = new();
        Random random = new(seed);
        Stopwatch clock = Stopwatch.StartNew();
        long acknowledged = 0;
        int inside = 0, halves = 0, failed = 0, chained = 0;
        for (int kill = 0; kill < kills; kill++)
        {
            using CrashedProcess process = Killed(random, child, directory, more);
            acknowledged = long.Max(acknowledged, process.Acknowledged);
            if (process.Begun > process.Acknowledged) inside++;
            if (Directory.Exists(directory) && Directory.GetFiles(directory, "*.tmp").Length > 0) halves++;
            if (oracle.Judge(directory, acknowledged) is { } fault)
            {
                failed++;
                Console.Error.WriteLine($"kill {kill}: {fault}");
            }

            if (oracle.Links > 1) chained++;

            // What was whole before it was acknowledged counts from now on.
            acknowledged = long.Max(acknowledged, oracle.Newest);
        }

        double share = (double)inside / int.Max(kills, 1);
        Console.WriteLine($"crash, {kind}: {kills} kills, {inside} inside a save ({share:P0}), {halves} left half a file, {acknowledged} generations, {chained} loaded through deltas, {failed} lost or corrupt, {clock.Elapsed.TotalSeconds:F0} s");
        return failed == 0 && share >= LeastShareInside && halves > 0 && acknowledged > 0 && (chained > 0 || more.Length == 0);
    }

    /// <summary>Each round begins anew: what was lost stays lost.</summary>
    private static bool KillInPlace(string child, string directory, int seed)
    {
        using CrashOracle oracle = new();
        Random random = new(seed);
        int noticed = 0;
        for (int kill = 0; kill < InPlaceKills; kill++)
        {
            using CrashedProcess process = Killed(random, child, directory, "--in-place");
            if (oracle.Judge(directory, process.Acknowledged) is not null) noticed++;
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }

        Console.WriteLine($"crash: in-place writing was noticed in {noticed} of {InPlaceKills} kills");
        return noticed > 0;
    }

    /// <summary>Most kills wait for a save to begin and then some time, a few fall anywhere from the start on.</summary>
    private static CrashedProcess Killed(Random random, string child, string directory, params string[] more)
    {
        const double AnywhereMilliseconds = 15;
        const double SaveMilliseconds = 4;
        CrashedProcess process = new(child, ["crash-child", directory, .. more]);
        bool isAnywhere = random.Next(5) == 0;
        if (!isAnywhere) process.WaitForBegin(random.Next(1, 4));
        double wait = random.NextDouble() * (isAnywhere ? AnywhereMilliseconds : SaveMilliseconds);
        long end = Stopwatch.GetTimestamp() + (long)(wait * Stopwatch.Frequency / 1000);
        while (Stopwatch.GetTimestamp() < end) Thread.SpinWait(20);
        process.Kill();
        process.End();
        return process;
    }
}
