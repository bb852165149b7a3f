namespace SimdEmbed;

/// <summary>
/// A checkpoint is of another model than the one it is loaded into: another table, shape, codec or optimizer. The message is one line
/// and names both sides; nothing was changed.
/// </summary>
public sealed class TableMismatchException : InvalidOperationException
{
    internal TableMismatchException(string path, string message)
        : base($"{path}: {message}.") => Path = path;

    /// <summary>The checkpoint's file.</summary>
    public string Path { get; }
}
