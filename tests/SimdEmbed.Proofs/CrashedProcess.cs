using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SimdEmbed.Proofs;

/// <summary>The native child that trains and saves, and what it said before its end.</summary>
internal sealed class CrashedProcess : IDisposable
{
    private readonly Process _process;
    private readonly byte[] _buffer = new byte[4096];
    private readonly StringBuilder _text = new();

    public CrashedProcess(string program, params string[] arguments)
    {
        _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    /// <summary>Lines that were said, without one that is not complete.</summary>
    public string[] Lines => _text.ToString().Split('\n')[..^1];

    public long Acknowledged => Last("ack ");

    public long Begun => Last("begin ");

    public string? Refused => Array.FindLast(Lines, static line => line.StartsWith("refused ", StringComparison.Ordinal));

    /// <summary>Reads until so many saves have begun, or the process has ended.</summary>
    public void WaitForBegin(int count)
    {
        while (Lines.Count(static line => line.StartsWith("begin ", StringComparison.Ordinal)) < count && Read())
        {
        }
    }

    public void Kill() => _process.Kill();

    /// <summary>Reads what is left; returns the exit code.</summary>
    public int End()
    {
        while (Read())
        {
        }

        _process.WaitForExit();
        return _process.ExitCode;
    }

    public string Error => _process.StandardError.ReadToEnd();

    public void Dispose() => _process.Dispose();

    private bool Read()
    {
        int read = _process.StandardOutput.BaseStream.Read(_buffer);
        _text.Append(Encoding.UTF8.GetString(_buffer, 0, read));
        return read > 0;
    }

    private long Last(string prefix)
    {
        string? line = Array.FindLast(Lines, line => line.StartsWith(prefix, StringComparison.Ordinal));
        return line == null ? 0 : long.Parse(line.AsSpan(prefix.Length), CultureInfo.InvariantCulture);
    }
}
