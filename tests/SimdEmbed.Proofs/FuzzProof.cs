using System.CommandLine;
using System.Diagnostics;
using System.Security.Cryptography;
using SharpFuzz;
using SimdEmbed.Tests.Support;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>fuzz FORMAT --seconds N</c>: changed files against one parser, in the process. Inputs with an answer of a new kind are kept and
/// changed further; the smallest of each kind is the corpus that every test run replays.
/// </summary>
internal static class FuzzProof
{
    private const string CorpusFolder = "tests/SimdEmbed.Tests/Corpus";
    private const int LongestInput = 4 << 10;

    public static Command Create()
    {
        Argument<string> format = new("FORMAT") { Description = string.Join(", ", FuzzTarget.Formats) };
        format.AcceptOnlyFromAmong(FuzzTarget.Formats);
        Option<int> seconds = new("--seconds") { DefaultValueFactory = _ => 60, Description = "how long" };
        Option<int> seed = new("--seed") { DefaultValueFactory = _ => 1, Description = "where the random numbers start" };
        Option<string> golden = new("--files")
        {
            DefaultValueFactory = _ => "tests/SimdEmbed.Tests/Golden/files",
            Description = "the folder with files to start from",
        };
        Option<bool> save = new("--save-corpus") { Description = $"write the smallest input of each kind to {CorpusFolder}" };
        Option<bool> afl = new("--afl") { Description = "answer the inputs that afl-fuzz sends: fuzz_afl.sh starts it" };
        Command command = new("fuzz", "Changed files against one parser.") { format, seconds, seed, golden, save, afl };
        command.SetAction(call => call.GetValue(afl) ? AnswerAfl(call.GetRequiredValue(format)) : Run(
            call.GetRequiredValue(format),
            TimeSpan.FromSeconds(call.GetValue(seconds)),
            call.GetValue(seed),
            call.GetRequiredValue(golden),
            call.GetValue(save)));
        return command;
    }

    /// <summary>Every input of afl-fuzz in this one process; an exception is what afl-fuzz calls a crash.</summary>
    private static int AnswerAfl(string format)
    {
        FuzzTarget target = new(format);
        Fuzzer.Run(stream =>
        {
            using MemoryStream input = new();
            stream.CopyTo(input);
            target.Run(input.ToArray());
        });
        return 0;
    }

    private static int Run(string format, TimeSpan time, int seed, string folder, bool save)
    {
        FuzzTarget target = new(format);
        FuzzMutator mutator = new(format, seed);
        Dictionary<string, byte[]> kinds = [];
        List<byte[]> inputs = [.. FuzzMutator.Seeds(format, folder), .. SavedCorpus(format)];
        if (inputs.Count == 0) throw new InvalidDataException($"there are no files to start from in {folder}");

        long executions = 0;
        long accepted = 0;
        int failed = 0;
        foreach (byte[] input in inputs) Try(input);
        List<byte[]> pool = [.. inputs.Where(input => input.Length <= LongestInput)];
        Stopwatch clock = Stopwatch.StartNew();
        while ((executions & 0xff) != 0 || clock.Elapsed < time)
        {
            byte[] input = mutator.Change(pool);
            if (Try(input)) pool.Add(input);
        }

        Console.WriteLine(
            $"fuzz {format}: {executions} executions from seed {seed} in {clock.Elapsed.TotalSeconds:F0} s, {accepted} accepted, "
                + $"{kinds.Count} kinds of answers, {failed} failures");
        if (save) SaveCorpus(format, kinds);
        return failed == 0 && executions > inputs.Count ? 0 : 1;

        // Whether the answer is of a kind that was not there before.
        bool Try(byte[] input)
        {
            executions++;
            try
            {
                string kind = target.Run(input);
                if (target.IsAccepted) accepted++;
                bool isNew = !kinds.TryGetValue(kind, out byte[]? smallest);
                if (isNew || input.Length < smallest!.Length) kinds[kind] = input;
                return isNew && input.Length <= LongestInput;
            }
            catch (Exception e)
            {
                failed++;
                string path = Path.Combine(Path.GetTempPath(), $"simdembed-fuzz-{format}-{failed}");
                File.WriteAllBytes(path, input);
                if (failed <= 10) Console.Error.WriteLine($"FAILED {path}: {e}");
                return false;
            }
        }
    }

    private static IEnumerable<byte[]> SavedCorpus(string format)
    {
        string folder = Path.Combine(CorpusFolder, format);
        return Directory.Exists(folder) ? Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [];
    }

    private static void SaveCorpus(string format, Dictionary<string, byte[]> kinds)
    {
        string folder = Path.Combine(CorpusFolder, format);
        Directory.CreateDirectory(folder);

        // Not those in folders: afl-fuzz found them, and they are there for their branches.
        foreach (string path in Directory.GetFiles(folder)) File.Delete(path);
        foreach (byte[] input in kinds.Values)
        {
            if (input.Length > LongestInput) continue;
            File.WriteAllBytes(Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(input).AsSpan(0, 8))), input);
        }
    }
}
