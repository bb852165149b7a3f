using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace SimdEmbed.Cli;

/// <summary>What <c>demo --json</c> prints. <c>Training</c> is null when the weights come from a file.</summary>
internal sealed record DemoReport(
    ulong Seed,
    MachineFacts Machine,
    double FirstLookupMs,
    double FirstLookupAfterMainMs,
    LookupResult Lookup,
    TrainingResult? Training,
    ServingResult Serving,
    IReadOnlyList<Timing> Timings);

/// <summary><c>simdembed demo</c>: look up, train, save, serve and time, or the same on a checkpoint that is there already.</summary>
internal static class DemoCommand
{
    private const string DefaultKey = "emb.weight";
    private const string DefaultFile = "embeding.pth";

    public static Command Create()
    {
        Option<ulong> seed = new("--seed")
        {
            Description = "Where the random numbers start.",
            HelpName = "N",
            DefaultValueFactory = _ => 1,
            CustomParser = ParseSeed,
        };
        Option<string?> output = new("--out")
        {
            Description = $"Save the trained table here; default {DefaultFile}. With --weights: save a copy here; default nowhere.",
            HelpName = "FILE",
        };
        Option<string?> weights = new("--weights")
        {
            Description = "Look up in this PyTorch checkpoint; it is only read.",
            HelpName = "FILE",
        };
        Option<string> key = new("--key")
        {
            Description = "The table's key in the checkpoint.",
            HelpName = "KEY",
            DefaultValueFactory = _ => DefaultKey,
        };
        Option<bool> json = FileArguments.Json();
        output.Validators.Add(RefuseEmpty);
        weights.Validators.Add(RefuseEmpty);

        Command command = new("demo", "Look up, train, save as a PyTorch file, serve it, and show what that costs.")
        {
            seed,
            output,
            weights,
            key,
            json,
        };
        command.Validators.Add(result =>
        {
            string? from = Given(result, weights);
            string? to = Given(result, output);
            if (from == null && Given(result, key) != null) result.AddError("--key needs --weights.");
            if (from != null && to != null && FilePaths.AreSame(from, to))
            {
                result.AddError($"--out '{to}' is the file of --weights, which is never written.");
            }
        });
        command.SetAction(call => Run(
            call.GetValue(seed), call.GetValue(output), call.GetValue(weights), call.GetRequiredValue(key), call.GetValue(json)));
        return command;
    }

    private static int Run(ulong seed, string? saveTo, string? weights, string key, bool json)
    {
        using StreamWriter output = new(Console.OpenStandardOutput());
        DemoText? text = json ? null : new DemoText(output);
        DemoReport report = weights == null ? Fresh(seed, saveTo ?? DefaultFile, text) : OnCheckpoint(seed, weights, key, saveTo, text);
        if (json) CliJson.Print(report, CliJson.Default.DemoReport);
        else if (report.Machine.Warning != null) StandardError.WriteLine("warning", report.Machine.Warning);
        return 0;
    }

    private static DemoReport Fresh(ulong seed, string saveTo, DemoText? text)
    {
        LookupResult lookup;
        (double Process, double Main) start;
        using (Embedding embedding = new(numEmbeddings: 100, embeddingDim: 6, seed))
        {
            lookup = LookupStep.Run(embedding);
            start = StartClock.Read();
        }

        text?.Title($"SimdEmbed demo, seed {seed}");
        text?.Print(lookup);

        using TrainingProgram program = new(seed);
        TrainingResult training = program.Train();
        text?.Print(training);

        string hash = TableHash.Of(program.Embedding.Weight);
        Save(saveTo, DefaultKey, program.Embedding.Weight);
        using Embedding served = Load(saveTo, DefaultKey);
        ServingResult serving = ServingStep.Run(served, training.Vector, hash, saveTo, saveTo, DefaultKey);
        text?.Print(serving);

        MachineFacts machine = MachineFacts.Read();
        IReadOnlyList<Timing> timings = SpeedStep.Run(seed);
        text?.Print(machine, timings, start);
        return new DemoReport(seed, machine, start.Process, start.Main, lookup, training, serving, timings);
    }

    private static DemoReport OnCheckpoint(ulong seed, string weights, string key, string? saveTo, DemoText? text)
    {
        LookupResult lookup;
        (double Process, double Main) start;
        string hash;
        using (Embedding embedding = Load(weights, key))
        {
            lookup = LookupStep.Run(embedding);
            start = StartClock.Read();
            text?.Title($"SimdEmbed demo, {weights}, key {key}, seed {seed}");
            text?.Print(lookup);

            hash = TableHash.Of(embedding.Weight);
            if (saveTo != null) Save(saveTo, key, embedding.Weight);
        }

        // Only now, so that the table is in memory once at a time.
        string reloadFrom = saveTo ?? weights;
        using Embedding served = Load(reloadFrom, key);
        float[] vector = RandomVector.Create(served.EmbeddingDim, seed);
        ServingResult serving = ServingStep.Run(served, vector, hash, saveTo, reloadFrom, key);
        text?.Print(serving);

        MachineFacts machine = MachineFacts.Read();
        IReadOnlyList<Timing> timings = SpeedStep.Run(served);
        text?.Print(machine, timings, start);
        return new DemoReport(seed, machine, start.Process, start.Main, lookup, Training: null, serving, timings);
    }

    private static Embedding Load(string path, string key)
    {
        Embedding embedding = Embedding.FromPretrained(PyTorchCheckpoint.LoadTable(path, key));
        if (embedding.NumEmbeddings > 0) return embedding;
        embedding.Dispose();
        throw new InvalidDataException($"{path}: the table '{key}' has no rows; there is nothing to look up.");
    }

    private static void Save(string path, string key, EmbeddingTable table) =>
        FilePaths.Write(path, () => PyTorchCheckpoint.Save(path, new StateDict { [key] = table }));

    private static ulong ParseSeed(ArgumentResult argument)
    {
        string given = argument.Tokens[0].Value;
        if (ulong.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)) return seed;
        argument.AddError($"--seed '{given}' is not a whole number from 0 to {ulong.MaxValue}.");
        return 0;
    }

    /// <summary>The one word given; null also for an option that is itself at fault, which has its own message.</summary>
    private static string? Given(CommandResult command, Option option) =>
        command.GetResult(option) is { Implicit: false, Tokens: [{ Value: { Length: > 0 } value }] } ? value : null;

    private static void RefuseEmpty(OptionResult option)
    {
        if (option.Tokens is [{ Value: "" }]) option.AddError($"{option.IdentifierToken?.Value} needs a file name.");
    }
}
