using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary>Arguments and options that commands share, and the table that they name.</summary>
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

    /// <summary>The table of that key, or the only one; mapped where the file has it as a table is stored.</summary>
    public static EmbeddingTable OpenTable(TableFile file, string? key)
    {
        List<TensorInfo> tables = [.. file.Tensors.Where(tensor => key == null ? tensor.IsTable : tensor.Name == key)];
        if (tables is [{ IsTable: true } table] && file.CanMapTable(table.Name)) return file.MapTable(table.Name);
        return key == null ? file.LoadTable() : file.LoadTable(key);
    }
}
