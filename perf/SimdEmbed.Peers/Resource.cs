using System.Reflection;

namespace SimdEmbed.Perf;

/// <summary>Files that are part of the program.</summary>
internal static class Resource
{
    public static string CopyTo(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        using Stream source = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using FileStream target = File.Create(path);
        source.CopyTo(target);
        return path;
    }
}
