using Xunit;
using Xunit.Abstractions;

namespace SimdEmbed.Tests.Support;

/// <summary>Counts which classes of cases a property met, and fails when one stayed empty.</summary>
internal sealed class Coverage(params string[] classes)
{
    private readonly Dictionary<string, int> _counts = classes.ToDictionary(name => name, _ => 0);

    public void Note(string name, bool met = true)
    {
        if (met) _counts[name]++;
    }

    public void AssertComplete(ITestOutputHelper output)
    {
        foreach ((string name, int count) in _counts) output.WriteLine($"{count,7}  {name}");
        Assert.All(_counts, pair => Assert.True(pair.Value > 0, $"no case was of the class '{pair.Key}'"));
    }
}
