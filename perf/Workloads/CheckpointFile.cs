namespace SimdEmbed.Perf;

/// <summary>The checkpoints that the LD workloads load, in a folder that goes with the process.</summary>
internal static class CheckpointFile
{
    public const string Key = "emb.weight";

    /// <summary>Writes the table, once for each format; its pages stay in the system's cache.</summary>
    public static string Of(WorkloadData data, TableFileFormat format = TableFileFormat.PyTorch)
    {
        string path = Path.Combine(WorkFolder.Path, $"table.{format}");
        if (File.Exists(path)) return path;
        if (format == TableFileFormat.PyTorch)
        {
            // Not disposed: the table would go with it.
            PyTorchCheckpoint.Save(path, new StateDict { [Key] = data.Table });
            return path;
        }

        SafetensorsWriter writer = new();
        writer.Add(Key, data.Table);
        writer.Save(path);
        return path;
    }
}
