using System.Text;

namespace SimdEmbed.Formats;

/// <summary>
/// What a parser found wrong: parsers return false and leave it here, and only the front door throws. A hostile file then costs
/// no exception in the depths, and every failure passes through one place that adds the path.
/// </summary>
internal struct FormatError
{
    private const int LongestQuote = 120;

    private string? _rule;
    private string? _message;
    private long _offset;
    private long _line;

    /// <summary>What was found; null when nothing was.</summary>
    public readonly string? Message => _message;

    /// <summary>Notes the fault and returns false, so that a parser can say <c>return error.Fail(...)</c>.</summary>
    public bool Fail(string rule, long offset, string message)
    {
        _rule = rule;
        _offset = offset;
        _message = message;
        return false;
    }

    /// <summary>As <see cref="Fail"/>, for a line of a text file; the first line is 1.</summary>
    public bool FailLine(string rule, long line, long offset, string message)
    {
        _line = line;
        return Fail(rule, offset, $"line {line}: {message}");
    }

    public readonly TableFormatException ToException(string path) =>
        new(path, _rule ?? "unknown", _rule == null ? -1 : _offset, _message ?? "it could not be read") { Line = _line };

    /// <summary>Text from a file, made fit for one line of a message.</summary>
    public static string Quote(string text)
    {
        StringBuilder quoted = new("'");
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, LongestQuote))) quoted.Append(char.IsControl(c) ? '?' : c);
        return quoted.Append(text.Length > LongestQuote ? "...'" : "'").ToString();
    }
}
