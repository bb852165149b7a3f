namespace SimdEmbed.Perf;

/// <summary>The checkpoint that the LD workload loads, in a folder that goes with the process.</summary>
internal static class CheckpointFile
{
    public const string Key = "emb.weight";

    /// <summary>Writes the table, once; its pages stay in the system's cache.</summary>
    public static string Of(WorkloadData data)
    {
        string path = Path.Combine(WorkFolder.Path, "table.pth");
        if (File.Exists(path)) return path;
        // Not disposed: the table would go with it.
        PyTorchCheckpoint.Save(path, new StateDict { [Key] = data.Table });
        return path;
    }
}
