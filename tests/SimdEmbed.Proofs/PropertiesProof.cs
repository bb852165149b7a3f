using System.CommandLine;
using System.Diagnostics;
using SimdEmbed.Tests.Support;

namespace SimdEmbed.Proofs;

/// <summary><c>properties --cases N</c>: generated uses of an embedding against the reference, bit for bit.</summary>
internal static class PropertiesProof
{
    public static Command Create()
    {
        Option<int> cases = new("--cases") { DefaultValueFactory = _ => 100_000, Description = "how many cases" };
        Option<int> seed = new("--seed") { DefaultValueFactory = _ => 1, Description = "the number of the first case" };
        Command command = new("properties", "Every combination of an embedding's options against the reference.") { cases, seed };
        command.SetAction(call => Run(call.GetValue(cases), call.GetValue(seed)));
        return command;
    }

    private static int Run(int cases, int firstSeed)
    {
        Dictionary<string, int> coverage = EmbeddingModel.Classes.ToDictionary(name => name, _ => 0);
        int failed = 0;
        Stopwatch clock = Stopwatch.StartNew();
        Parallel.For(0, cases, i =>
        {
            EmbeddingModel model = new(firstSeed + i);
            try
            {
                model.Check();
            }
            catch (Exception e)
            {
                Interlocked.Increment(ref failed);
                Console.Error.WriteLine($"{model}: {e.Message}");
            }

            lock (coverage)
            {
                foreach (string name in model.ClassesMet()) coverage[name]++;
            }
        });
        foreach ((string name, int count) in coverage) Console.WriteLine($"{count,9}  {name}");
        int empty = coverage.Count(entry => entry.Value == 0);
        Console.WriteLine(
            $"properties: {cases} cases from seed {firstSeed}, {failed} failed, {empty} of {coverage.Count} classes empty, {clock.Elapsed.TotalSeconds:F0} s");
        return failed == 0 && empty == 0 && cases > 0 ? 0 : 1;
    }
}
