using System.Diagnostics;
using System.Text.RegularExpressions;

namespace SimdEmbed.Proofs;

/// <summary>
/// Every system call of a save that has to do with files, by strace: the process is killed at it, and it fails once with ENOSPC and once with EIO.
/// </summary>
internal sealed partial class SystemCalls(string child, string folder, params string[] more)
{
    public const string Tracer = "/usr/bin/strace";

    private const int Generations = 3;

    /// <summary>Memory, threads, time and standard output: no business of a disk.</summary>
    private static readonly string[] s_others =
        ["mmap", "munmap", "mprotect", "madvise", "brk", "futex", "sched_yield", "clock_gettime", "getpid", "gettid", "write", "prctl", "rt_sigprocmask", "rt_sigaction", "membarrier"];

    /// <summary>Calls whose failure means that the new generation may not be on the disk.</summary>
    private static readonly string[] s_essential = ["pwrite64", "fsync", "rename", "ftruncate"];

    private readonly string _template = Path.Combine(folder, "template");

    private readonly record struct Call(string Name, int Number);

    public bool Run()
    {
        Stopwatch clock = Stopwatch.StartNew();
        using (CrashedProcess process = new(child, ["crash-child", _template, $"{Generations}", .. more])) process.End();
        File.WriteAllBytes(Path.Combine(_template, ".checkpoint-00000099.safetensors.tmp"), new byte[5000]);
        List<Call> calls = Calls();
        int missed = 0, failed = 0, refused = 0;
        using CrashOracle oracle = new();
        foreach (Call call in calls)
        {
            foreach (string fault in (string[])["signal=SIGKILL", "error=ENOSPC", "error=EIO"])
            {
                string? problem = Inject(oracle, call, fault, ref missed, ref refused);
                if (problem == null) continue;
                failed++;
                Console.Error.WriteLine($"{call.Name} {call.Number}, {fault}: {problem}");
            }
        }

        string names = string.Join(", ", calls.GroupBy(call => call.Name).Select(group => $"{group.Count()} {group.Key}"));
        string kind = more.Length == 0 ? "a full save" : "a delta";
        Console.WriteLine($"system calls of {kind}: {names}");
        Console.WriteLine($"crash: {calls.Count} system calls, each killed, ENOSPC, EIO: {failed} failed, {refused} refused with the previous generation intact, {missed} not reached, {calls.Count * 3} runs, {clock.Elapsed.TotalSeconds:F0} s");
        return failed == 0 && missed == 0 && refused > 0 && calls.Count > 0;
    }

    private string? Inject(CrashOracle oracle, Call call, string fault, ref int missed, ref int refused)
    {
        string directory = Copy();
        string trace = Path.Combine(folder, "trace");
        using CrashedProcess process = new(
            Tracer, ["-f", "-o", trace, "-e", $"trace={call.Name}", "-e", $"inject={call.Name}:{fault}:when={call.Number}", child, "crash-child", directory, "1", "--warm", .. more]);
        int exit = process.End();
        bool isKill = fault.StartsWith("signal", StringComparison.Ordinal);
        if (process.Begun != Generations + 1 || !(isKill ? exit != 0 : File.ReadAllText(trace).Contains("(INJECTED)", StringComparison.Ordinal)))
        {
            missed++;
            return null;
        }

        long acknowledged = long.Max(process.Acknowledged, Generations);
        if (!isKill)
        {
            if (process.Acknowledged != Generations + 1) return $"the save was neither refused nor made: exit code {exit}, {string.Join(" | ", process.Lines)} {process.Error}";
            if (process.Refused is { } text)
            {
                refused++;
                if (!text.StartsWith($"refused {Generations} clean", StringComparison.Ordinal)) return text;
            }
            else if (s_essential.Contains(call.Name))
            {
                return "the failure was not reported";
            }
        }

        if (oracle.Judge(directory, acknowledged) is { } lost) return lost;

        // And on it goes, sweeping what the killed process has left.
        long newest = oracle.Newest;
        using CrashedProcess next = new(child, ["crash-child", directory, "1", .. more]);
        next.End();
        if (next.Acknowledged != newest + 1 || Directory.GetFiles(directory, ".*").Length > 0) return "the next process did not go on";
        return oracle.Judge(directory, newest + 1);
    }

    /// <summary>The file calls of one save, each with its number among the main thread's calls of that name.</summary>
    private List<Call> Calls()
    {
        string directory = Copy();
        string trace = Path.Combine(folder, "trace");
        using (CrashedProcess process = new(Tracer, ["-f", "-o", trace, child, "crash-child", directory, "1", "--warm", .. more])) process.End();
        List<Call> calls = [];
        Dictionary<string, int> numbers = [];
        string? main = null;
        bool isInside = false;
        foreach (string line in File.ReadLines(trace))
        {
            Match match = Line().Match(line);
            if (!match.Success) continue;
            main ??= match.Groups[1].Value;
            if (match.Groups[1].Value != main) continue;
            string name = match.Groups[2].Value;
            int number = numbers[name] = numbers.GetValueOrDefault(name) + 1;
            if (name == "write" && line.Contains("\"begin ", StringComparison.Ordinal)) isInside = true;
            if (name == "write" && line.Contains("\"ack ", StringComparison.Ordinal)) isInside = false;
            if (isInside && !s_others.Contains(name)) calls.Add(new Call(name, number));
        }

        return calls;
    }

    private string Copy()
    {
        string directory = Path.Combine(folder, "injected");
        foreach (string old in (string[])[directory, directory + ".warm"])
        {
            if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
        }

        Directory.CreateDirectory(directory);
        foreach (string file in Directory.GetFiles(_template)) File.Copy(file, Path.Combine(directory, Path.GetFileName(file)));
        return directory;
    }

    [GeneratedRegex(@"^(\d+)\s+(\w+)\(")]
    private static partial Regex Line();
}
