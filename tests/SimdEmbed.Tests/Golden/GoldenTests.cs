using SimdEmbed.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace SimdEmbed.Tests.Golden;

/// <summary>What PyTorch computed, against what the library computes. SIMDEMBED_GOLDEN names another folder of the same schema.</summary>
[Trait("Category", "Golden")]
public sealed class GoldenTests(ITestOutputHelper output)
{
    public static TheoryData<string> Families => [.. GoldenSet.Families];

    [Theory]
    [MemberData(nameof(Families))]
    public void The_library_agrees_with_PyTorch(string family)
    {
        string folder = Environment.GetEnvironmentVariable("SIMDEMBED_GOLDEN") ?? Project.Path("tests", "SimdEmbed.Tests", "Golden");
        GoldenReport report = new GoldenSet(folder).Run(family);
        output.WriteLine(report.ToString());
        Directory.CreateDirectory(Project.Path("artifacts", "golden"));
        File.WriteAllText(Project.Path("artifacts", "golden", family + ".txt"), report.ToString());
        Assert.True(report.Failed == 0, report.ToString());
    }
}
