namespace SimdEmbed;

/// <summary>A file is not what a reader accepts. The message is one line: the file, what was found, what was expected, and where.</summary>
public sealed class TableFormatException : FormatException
{
    internal TableFormatException(string path, string rule, long offset, string message)
        : base(offset < 0 ? $"{path}: {message}." : $"{path}: {message} (offset {offset}).")
    {
        Path = path;
        Rule = rule;
        Offset = offset;
    }

    /// <summary>The file, as it was named in the call.</summary>
    public string Path { get; }

    /// <summary>The byte of the file where the fault was found; -1 when it has no place, as with a missing record.</summary>
    public long Offset { get; }

    /// <summary>The line of a text file where the fault was found, counted from 1; 0 when the file has no lines.</summary>
    public long Line { get; internal init; }

    /// <summary>The rule that was broken: a short name that stays the same from version to version, such as <c>zip-crc</c>.</summary>
    public string Rule { get; }
}
