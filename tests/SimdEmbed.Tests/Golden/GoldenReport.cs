using System.Text;

namespace SimdEmbed.Tests.Golden;

/// <summary>What became of the cases of one family.</summary>
internal sealed class GoldenReport(string family)
{
    private readonly List<string> _deferred = [];
    private readonly List<string> _failed = [];

    public string Family { get; } = family;

    public int Ran { get; private set; }

    public int Deferred => _deferred.Count;

    public int Failed => _failed.Count;

    public IReadOnlyList<string> Failures => _failed;

    public void Pass() => Ran++;

    public void Fail(string name, string reason)
    {
        Ran++;
        _failed.Add($"{name}: {reason}");
    }

    /// <summary>A case that belongs to a feature which does not exist yet.</summary>
    public void Defer(string name, string reason) => _deferred.Add($"{name}: {reason}");

    public override string ToString()
    {
        StringBuilder text = new();
        text.AppendLine($"{Family}: {Ran} ran, {Deferred} deferred, {Failed} failed");
        foreach (string line in _failed) text.AppendLine($"  FAILED   {line}");
        foreach (string line in _deferred) text.AppendLine($"  deferred {line}");
        return text.ToString();
    }
}
