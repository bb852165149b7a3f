namespace SimdEmbed.Cli;

/// <summary>What <c>verify --json</c> and <c>compact --json</c> print of a directory of checkpoints. <c>Loads</c> is the generation that a load takes, or null.</summary>
internal sealed record CheckpointsReport(string Path, IReadOnlyList<CheckpointGeneration> Generations, long? Loads);

/// <summary>Directories of checkpoints among what commands take.</summary>
internal static class CheckpointDirectories
{
    /// <summary>The newest generation without a problem; a list is in that order.</summary>
    public static CheckpointGeneration? Loaded(IReadOnlyList<CheckpointGeneration> generations) =>
        generations.FirstOrDefault(static generation => generation.Problem == null);

    public static void CheckAny(string directory, IReadOnlyList<CheckpointGeneration> generations)
    {
        if (generations.Count == 0) throw new InvalidDataException($"{directory}: there is no checkpoint.");
    }

    /// <summary>One line for a generation.</summary>
    public static string Text(CheckpointGeneration generation, string state)
    {
        string kind = generation.Parent is { } parent ? $"delta on {parent}" : "full";
        string hash = generation.Hash == null ? "" : $", {kind}, XxHash3 {generation.Hash}";
        return $"generation {generation.Generation}, step {generation.Step}, {generation.Bytes} bytes{hash}: {state}";
    }
}
