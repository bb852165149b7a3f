using System.CommandLine;
using System.Diagnostics;
using SimdEmbed.Tests.Support;

namespace SimdEmbed.Proofs;

/// <summary><c>properties --cases N</c>: generated uses of embeddings and embedding bags against the reference, bit for bit.</summary>
internal static class PropertiesProof
{
    public static Command Create()
    {
        Option<int> cases = new("--cases") { DefaultValueFactory = _ => 100_000, Description = "how many cases of each kind" };
        Option<int> seed = new("--seed") { DefaultValueFactory = _ => 1, Description = "the number of the first case" };
        Option<string?> only = new("--only") { Description = "one kind: embedding, bag, optimizers or compact" };
        only.AcceptOnlyFromAmong("embedding", "bag", "optimizers", "compact");
        Command command = new("properties", "Every combination of options against the reference.") { cases, seed, only };
        command.SetAction(call => Run(call.GetValue(cases), call.GetValue(seed), call.GetValue(only)));
        return command;
    }

    private static int Run(int cases, int firstSeed, string? only)
    {
        Console.WriteLine($"{(EngineInfo.IsNative ? "native" : "JIT")}, {EngineInfo.VectorWidth * 32} bits, {EngineInfo.InstructionSets}");
        bool isMet = cases > 0;
        if (Wanted("embedding")) isMet &= Run("embedding", EmbeddingModel.Classes, seed => new EmbeddingModel(seed), cases, firstSeed);
        if (Wanted("bag")) isMet &= Run("embedding bag", BagModel.Classes, seed => new BagModel(seed), cases, firstSeed);
        if (Wanted("optimizers")) isMet &= Run("optimizers", OptimizerModel.Classes, seed => new OptimizerModel(seed), cases, firstSeed);
        if (Wanted("compact")) isMet &= RunCompact(cases, firstSeed);
        return isMet ? 0 : 1;

        bool Wanted(string kind) => only == null || only == kind;
    }

    /// <summary>Codec, pooling, index type and dim: all of them, once there are three cases for each.</summary>
    private static bool RunCompact(int cases, int firstSeed)
    {
        int[] met = new int[CodecModel.Combinations];
        bool isMet = Run("compact rows", CodecModel.Classes, seed => Count(new CodecModel(seed)), cases, firstSeed);
        int combinations = met.Count(count => count > 0);
        Console.WriteLine($"properties: compact rows: {combinations} of {CodecModel.Combinations} combinations of codec, pooling, index type and dim");
        return isMet && (combinations == CodecModel.Combinations || cases < 3 * CodecModel.Combinations);

        CodecModel Count(CodecModel model)
        {
            Interlocked.Increment(ref met[model.Combination]);
            return model;
        }
    }

    private static bool Run(string name, string[] classes, Func<int, Model> create, int cases, int firstSeed)
    {
        Dictionary<string, int> coverage = classes.ToDictionary(name => name, _ => 0);
        int failed = 0;
        Stopwatch clock = Stopwatch.StartNew();
        Parallel.For(0, cases, i =>
        {
            Model model = create(firstSeed + i);
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
                foreach (string met in model.ClassesMet()) coverage[met]++;
            }
        });
        foreach ((string met, int count) in coverage) Console.WriteLine($"{count,9}  {met}");
        int empty = coverage.Count(entry => entry.Value == 0);
        Console.WriteLine(
            $"properties: {name}: {cases} cases from seed {firstSeed}, {failed} failed, {empty} of {coverage.Count} classes empty, {clock.Elapsed.TotalSeconds:F0} s");
        return failed == 0 && empty == 0;
    }
}
