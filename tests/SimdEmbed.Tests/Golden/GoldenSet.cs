using System.Text.Json;

namespace SimdEmbed.Tests.Golden;

/// <summary>A folder of golden data: <c>&lt;family&gt;.json</c> files, <c>files.json</c> and the files it describes.</summary>
internal sealed class GoldenSet(string folder)
{
    /// <summary>Every family of the schema; those without a runner are deferred as a whole.</summary>
    public static readonly string[] Families =
        ["embedding_forward", "embedding_renorm", "embedding_backward", "embedding_bag", "optim", "blog_train", "init", "losses_and_ops", "quant", "files"];

    public string Folder { get; } = folder;

    public GoldenReport Run(string family)
    {
        GoldenReport report = new(family);
        string path = Path.Combine(Folder, family + ".json");
        if (!File.Exists(path)) throw new GoldenException($"{path} does not exist");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        foreach (JsonElement element in document.RootElement.EnumerateArray())
        {
            string name = element.GetProperty("name").GetString()!;
            try
            {
                string? deferral = family == "files"
                    ? GoldenFiles.Run(Folder, element)
                    : GoldenFamilies.Run(family, new GoldenCase(element));
                if (deferral is null) report.Pass();
                else report.Defer(name, deferral);
            }
            catch (Exception e)
            {
                report.Fail(name, $"{e.GetType().Name}: {e.Message}");
            }
        }

        if (report.Ran + report.Deferred == 0) throw new GoldenException($"{path} has no case");
        return report;
    }
}
