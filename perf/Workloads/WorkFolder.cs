namespace SimdEmbed.Perf;

/// <summary>A folder for data files, deleted when the process ends.</summary>
internal static class WorkFolder
{
    private static readonly Lazy<string> s_path = new(Create);

    public static string Path => s_path.Value;

    private static string Create()
    {
        string path = Directory.CreateTempSubdirectory("simdembed-perf-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(path, recursive: true);
        return path;
    }
}
