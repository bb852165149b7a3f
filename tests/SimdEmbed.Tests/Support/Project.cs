namespace SimdEmbed.Tests.Support;

/// <summary>Where the repository is, for the tests that read its files.</summary>
internal static class Project
{
    public static string Root { get; } = FindRoot();

    public static string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    /// <summary>Whether pages are written anew from what was measured, instead of only compared with it.</summary>
    public static bool Updates => Environment.GetEnvironmentVariable("UPDATE_README") == "1";

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "SimdEmbed.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("SimdEmbed.sln is in no folder above the tests.");
    }
}
