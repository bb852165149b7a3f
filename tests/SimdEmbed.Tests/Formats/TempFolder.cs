namespace SimdEmbed.Tests.Formats;

/// <summary>A folder of its own for a test, gone afterwards.</summary>
internal sealed class TempFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("simdembed-");

    public string[] Names => [.. _folder.EnumerateFileSystemInfos().Select(static info => info.Name).Order()];

    public string this[string name] => Path.Combine(_folder.FullName, name);

    public void Dispose() => _folder.Delete(recursive: true);
}
