using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary>What <c>lookup --json</c> prints.</summary>
internal sealed record LookupReport(long[] Indices, int Dim, float[][] Rows);

/// <summary><c>simdembed lookup</c>: rows of a table in a file.</summary>
internal static class LookupCommand
{
    public static Command Create()
    {
        Argument<string> file = FileArguments.File("FILE", "A safetensors, PyTorch or NumPy file.");
        Option<string?> key = FileArguments.Key();
        Option<long[]?> indices = new("--indices")
        {
            Description = "The rows, with commas between them: 1,2,3.",
            HelpName = "LIST",
            Required = true,
            CustomParser = FileArguments.ParseIndices,
        };
        Option<bool> json = FileArguments.Json();
        Command command = new("lookup", "Show rows of a table.") { file, key, indices, json };
        command.SetAction(call => Run(
            call.GetRequiredValue(file), call.GetValue(key), call.GetRequiredValue(indices)!, call.GetValue(json)));
        return command;
    }

    private static int Run(string path, string? key, long[] indices, bool json)
    {
        using TableFile file = TableFile.Open(path);
        using Embedding embedding = Embedding.FromPretrained(FileArguments.OpenTable(file, key));
        int dim = embedding.EmbeddingDim;
        float[] output = new float[indices.Length * (long)dim];
        try
        {
            embedding.Forward<long>(indices, output);
        }
        catch (ArgumentOutOfRangeException e)
        {
            // The parameter's name that the exception adds is none of the user's.
            throw new InvalidDataException($"{path}: {e.Message.Split(" (Parameter")[0]}", e);
        }

        float[][] rows = [.. indices.Select((_, i) => output[(i * dim)..((i + 1) * dim)])];
        if (json)
        {
            CliJson.Print(new LookupReport(indices, dim, rows), CliJson.Default.LookupReport);
            return 0;
        }

        using StreamWriter text = new(Console.OpenStandardOutput());
        string[] lines = MatrixText.Lines(rows);
        for (int i = 0; i < lines.Length; i++) text.WriteLine($"row {indices[i]}  {lines[i]}");
        return 0;
    }
}
