using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>Replays what fuzzing found: the smallest input for each kind of answer of each parser, and in folders those that took a new branch.</summary>
public sealed class CorpusTests
{
    private const long MostBytes = 1 << 20;

    public static TheoryData<string> Formats => [.. FuzzTarget.Formats];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Every_input_of_the_corpus_is_answered_as_promised(string format)
    {
        string[] paths = Directory.GetFiles(Project.Path("tests", "SimdEmbed.Tests", "Corpus", format), "*", SearchOption.AllDirectories);
        FuzzTarget target = new(format);
        HashSet<string> kinds = [];
        foreach (string path in paths) kinds.Add(target.Run(File.ReadAllBytes(path)));

        Assert.True(kinds.Count >= 10, $"{kinds.Count} kinds of answers from {paths.Length} inputs");
    }

    [Fact]
    public void The_corpus_stays_small()
    {
        string folder = Project.Path("tests", "SimdEmbed.Tests", "Corpus");
        Assert.True(Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Sum(path => new FileInfo(path).Length) < MostBytes);
    }
}
