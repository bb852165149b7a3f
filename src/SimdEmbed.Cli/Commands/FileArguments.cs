using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace SimdEmbed.Cli;

/// <summary>Arguments and options that the commands on files share.</summary>
internal static class FileArguments
{
    public static Argument<string> File(string name, string description)
    {
        Argument<string> file = new(name) { Description = description };
        file.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: "" }]) result.AddError($"{name} needs a file name.");
        });
        return file;
    }

    public static Option<string?> Key() => new("--key")
    {
        Description = "The tensor's name; not needed when the file has one table.",
        HelpName = "KEY",
    };

    public static Option<bool> Json() => new("--json") { Description = "Print one JSON document." };

    /// <summary>Whole numbers with commas between them.</summary>
    public static long[]? ParseIndices(ArgumentResult argument)
    {
        string given = argument.Tokens[0].Value;
        string[] words = given.Split(',');
        long[] indices = new long[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            if (long.TryParse(words[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out indices[i])) continue;
            argument.AddError($"--indices '{given}' are not whole numbers with commas between them.");
            return null;
        }

        return indices;
    }

    /// <summary>The key that was given, or that of the only table.</summary>
    public static EmbeddingTable OpenTable(TableFile file, string? key)
    {
        List<TensorInfo> tables = [.. file.Tensors.Where(tensor => key == null ? tensor.IsTable : tensor.Name == key)];
        bool isMappable = tables is [{ IsTable: true } table] && file.CanMapTable(table.Name);
        return (key, isMappable) switch
        {
            (null, true) => file.MapTable(),
            (null, false) => file.LoadTable(),
            (_, true) => file.MapTable(key),
            _ => file.LoadTable(key),
        };
    }
}
