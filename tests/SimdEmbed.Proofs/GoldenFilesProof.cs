using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using SimdEmbed.Internals;

namespace SimdEmbed.Proofs;

/// <summary><c>golden-files</c>: how long each refusal of the golden files takes, and how much memory each answer.</summary>
internal static class GoldenFilesProof
{
    private const double MostMilliseconds = 100;
    private const int Rounds = 3;

    public static Command Create()
    {
        Option<string> folder = new("--golden") { DefaultValueFactory = _ => "tests/SimdEmbed.Tests/Golden", Description = "the folder with files.json" };
        Option<bool> all = new("--all") { Description = "print a line for each file" };
        Command command = new("golden-files", $"Each golden file that is refused is refused within {MostMilliseconds} ms.") { folder, all };
        command.SetAction(call => Run(call.GetRequiredValue(folder), call.GetValue(all)));
        return command;
    }

    /// <summary>Reads everything in a file.</summary>
    public static void ReadAll(TableFile file)
    {
        file.Verify();
        foreach (TensorInfo tensor in file.Tensors)
        {
            if (tensor.IsTable) file.LoadTable(tensor.Name).Dispose();
            else file.CopyTo(tensor.Name, Stream.Null);
        }
    }

    private static int Run(string folder, bool all)
    {
        using JsonDocument list = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "files.json")));
        List<(string Name, double First, double Best)> refusals = [];
        int loads = 0;
        foreach (JsonElement entry in list.RootElement.EnumerateArray())
        {
            string path = Path.Combine(folder, entry.GetProperty("file").GetString()!);
            WordFormat? words = entry.GetProperty("format").GetString() switch
            {
                "word2vec_binary" => WordFormat.Word2VecBinary,
                "word2vec_text" => WordFormat.Word2VecText,
                "glove_text" => WordFormat.GloVe,
                _ => null,
            };
            double first = double.NaN;
            double best = double.MaxValue;
            long allocated = 0;
            bool isRefused = false;
            for (int round = 0; round < Rounds; round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread() + NativeBytes.TakenByThread;
                long start = Stopwatch.GetTimestamp();
                isRefused = IsRefused(path, words);
                double milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                allocated = GC.GetAllocatedBytesForCurrentThread() + NativeBytes.TakenByThread - before;
                if (round == 0) first = milliseconds;
                best = Math.Min(best, milliseconds);
            }

            if (all) Console.WriteLine($"{Path.GetFileName(path)}: {(isRefused ? "refused" : "read")}, {first:F2} ms at first, {best:F2} ms, {new FileInfo(path).Length} bytes, {allocated} allocated");
            if (isRefused) refusals.Add((Path.GetFileName(path), first, best));
            else loads++;
        }

        var slowest = refusals.MaxBy(refusal => refusal.Best);
        var coldest = refusals.MaxBy(refusal => refusal.First);
        int slow = refusals.Count(refusal => refusal.Best >= MostMilliseconds);
        Console.WriteLine($"the slowest is {slowest.Name} with {slowest.Best:F2} ms; of first calls, code compiled on the way, {coldest.Name} with {coldest.First:F1} ms");
        Console.WriteLine($"golden-files: {refusals.Count} refusals, {slow} of them took {MostMilliseconds} ms or more, best of {Rounds}; {loads} files were read");
        return slow == 0 && refusals.Count > 0 && loads > 0 ? 0 : 1;
    }

    private static bool IsRefused(string path, WordFormat? words)
    {
        try
        {
            if (words is { } format)
            {
                WordVectors.Load(path, new WordOptions { Format = format, Degree = 1 }).Dispose();
                return false;
            }

            using TableFile file = TableFile.Open(path);
            ReadAll(file);
            return false;
        }
        catch (TableFormatException)
        {
            return true;
        }
    }
}
