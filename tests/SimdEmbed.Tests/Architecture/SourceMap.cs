using System.Reflection;
using System.Text.RegularExpressions;
using SimdEmbed.Tests.Support;

namespace SimdEmbed.Tests.Architecture;

/// <summary>Which folder of <c>src/SimdEmbed</c> each type of the library is declared in; the root is "".</summary>
internal static partial class SourceMap
{
    private static readonly Dictionary<string, string> s_folders = Read();

    public static Assembly Library => typeof(Embedding).Assembly;

    public static string FolderOf(Type type)
    {
        while (type.DeclaringType is { } outer) type = outer;
        string name = type.Name.Split('`')[0];
        return s_folders.TryGetValue(name, out string? folder)
            ? folder
            : throw new InvalidOperationException($"no file of src/SimdEmbed declares {type.FullName}");
    }

    /// <summary>The library's own types: not those that the compiler adds.</summary>
    public static IEnumerable<Type> Types() => Library.GetTypes().Where(type => !Generated(type));

    public static bool Generated(Type type)
    {
        while (type.DeclaringType is { } outer) type = outer;
        return type.Name.StartsWith('<') || type.Namespace is null || !type.Namespace.StartsWith("SimdEmbed", StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Read()
    {
        string root = Project.Path("src", "SimdEmbed");
        Dictionary<string, string> folders = [];
        foreach (string file in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories))
        {
            string folder = Path.GetRelativePath(root, Path.GetDirectoryName(file)!).Split(Path.DirectorySeparatorChar)[0];
            foreach (Match match in Declaration().Matches(File.ReadAllText(file))) folders[match.Groups[1].Value] = folder == "." ? "" : folder;
        }

        return folders;
    }

    [GeneratedRegex(@"^\s*(?:(?:public|internal|private|sealed|static|abstract|readonly|unsafe|ref|partial|file)\s+)+(?:class|struct|interface|enum|record struct|record)\s+(\w+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
