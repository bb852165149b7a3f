using System.CommandLine;
using System.Diagnostics;
using SimdEmbed.Tests.Formats;

namespace SimdEmbed.Proofs;

/// <summary><c>fuzz-words --cases N</c>: generated and damaged files of words, against the naive reader.</summary>
internal static class FuzzWordsProof
{
    public static Command Create()
    {
        Option<int> cases = new("--cases") { DefaultValueFactory = _ => 10_000_000, Description = "how many files" };
        Option<int> seed = new("--seed") { DefaultValueFactory = _ => 1, Description = "the number of the first file" };
        Command command = new("fuzz-words", "word2vec, GloVe and gzip files, damaged.") { cases, seed };
        command.SetAction(call => Run(call.GetValue(cases), call.GetValue(seed)));
        return command;
    }

    private static int Run(int cases, int firstSeed)
    {
        Dictionary<string, int> outcomes = WordFuzz.Outcomes.ToDictionary(name => name, _ => 0);
        int failed = 0;
        Stopwatch clock = Stopwatch.StartNew();
        for (int i = 0; i < cases; i++)
        {
            try
            {
                outcomes[new WordFuzz(firstSeed + i).Run()]++;
            }
            catch (Exception e)
            {
                failed++;
                Console.Error.WriteLine($"seed {firstSeed + i}: {e.GetType().Name}: {e.Message}");
            }
        }

        foreach ((string outcome, int count) in outcomes) Console.WriteLine($"{count,9}  {outcome}");
        int empty = outcomes.Count(entry => entry.Value == 0);
        Console.WriteLine($"fuzz-words: {cases} files from seed {firstSeed}, {failed} failed, {empty} outcomes empty, {clock.Elapsed.TotalSeconds:F0} s");
        return failed == 0 && empty == 0 && cases > 0 ? 0 : 1;
    }
}
