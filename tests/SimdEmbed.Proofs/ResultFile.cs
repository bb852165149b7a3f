using SimdEmbed.Cli;
using SimdEmbed.Perf;

namespace SimdEmbed.Proofs;

/// <summary>Figures of a proof: printed, and as a section of a page in <c>tests/results</c> where they are to be kept.</summary>
internal static class ResultFile
{
    /// <summary>Prints the lines, and writes them in place of the section of the last time.</summary>
    /// <param name="page">The file's name without its ending.</param>
    /// <param name="section">The heading, which is what was run.</param>
    /// <param name="lines">The last one is the figures in short.</param>
    /// <param name="keep">False to print alone.</param>
    public static void Report(string page, string section, IReadOnlyCollection<string> lines, bool keep)
    {
        foreach (string line in lines) Console.WriteLine(line);
        if (!keep) return;
        string path = Path.Combine(ResultFolder.Root, "tests", "results", page + ".md");
        string[] before = File.Exists(path) ? File.ReadAllLines(path) : [$"# Long proofs: {page}", ""];
        string heading = $"## `{section}`";
        int start = Array.IndexOf(before, heading);
        int end = start < 0 ? -1 : Array.FindIndex(before, start + 1, line => line.StartsWith("## ", StringComparison.Ordinal));
        IEnumerable<string> head = start < 0 ? before : before[..start];
        IEnumerable<string> tail = end < 0 ? [] : before[end..];
        MachineFacts facts = MachineFacts.Read();
        string machine = $"{ResultFolder.Today}, commit {ResultFolder.Commit()}, {facts.Cpu ?? facts.Architecture}, {facts.Cores} cores, "
            + $"{facts.Runtime}, vectors of {facts.VectorWidth} floats.";
        File.WriteAllLines(path, [.. head, heading, "", machine, "", "```text", .. lines, "```", "", .. tail]);
    }
}
