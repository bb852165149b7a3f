using System.Text.RegularExpressions;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Readme;

/// <summary>The README is true: its code is the code that runs here.</summary>
public sealed partial class ReadmeTests
{
    [Fact]
    public void Every_code_block_is_an_example_that_is_compiled_here()
    {
        string source = File.ReadAllText(Project.Path("tests", "SimdEmbed.Tests", "Readme", "ReadmeExample.cs"));
        string[] expected = [.. Example().Matches(source).Select(match => string.Join('\n', match.Groups[1].Value.Split('\n').Select(line => line.Length >= 8 ? line[8..] : line)))];
        string[] blocks = [.. CodeBlock().Matches(File.ReadAllText(Project.Path("README.md"))).Select(match => match.Groups[1].Value)];
        Assert.Equal(expected, blocks);
    }

    [Fact]
    public void The_example_looks_up_trains_and_reloads()
    {
        string before = Environment.CurrentDirectory;
        string folder = Directory.CreateTempSubdirectory("simdembed-").FullName;
        try
        {
            Environment.CurrentDirectory = folder;
            float[] ones = [.. Enumerable.Repeat(1f, 48)];
            (float[] output, float[] trained, float[] served) = ReadmeExample.Run(ones);
            using Embedding untrained = new(100, 6, seed: 1);
            BitEqual.AssertSameBits(untrained.Weight.GetRow(1), output.AsSpan(0, 6));
            Assert.Equal(untrained.Weight.GetRow(4)[0] - (0.015f * 2), trained[4 * 6]);
            BitEqual.AssertSameBits(trained, served);
        }
        finally
        {
            Environment.CurrentDirectory = before;
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_bags_example_pools_and_differentiates()
    {
        float[] ones = [.. Enumerable.Repeat(1f, 18)];
        (float[] pooled, float[] weights, float[] gradient) = ReadmeExample.Bags(ones);
        for (int j = 0; j < 6; j++)
        {
            Assert.Equal((weights[6 + j] + weights[12 + j] + weights[24 + j]) / 3, pooled[j]);
            Assert.Equal(0, pooled[6 + j]);
        }

        // A mean does not change when all its weights grow alike: their gradients, times the weights, add up to nothing.
        Assert.Equal(0, gradient[0] + gradient[1] + (2 * gradient[2]), 1e-5);
    }

    [Fact]
    public void The_learning_example_moves_the_touched_rows()
    {
        using EmbeddingBag clicks = new(100, 6, seed: 1, Pooling.Mean, new EmbeddingOptions { Sparse = true });
        float[] before = TestTable.Values(clicks.Weight);
        ReadmeExample.Learn(clicks, [1, 2, 4, 5, 4, 3, 2, 3], [0, 3, 3], [.. Enumerable.Repeat(1f, 18)]);

        // The first step of Adagrad is the learning rate, whatever the gradient's size.
        for (int row = 0; row < 8; row++) Assert.Equal(row is >= 1 and <= 5 ? 0.05f : 0, before[row * 6] - clicks.Weight.GetRow(row)[0], 1e-6f);
    }

    [Fact]
    public void The_commands_name_projects_that_exist()
    {
        string readme = File.ReadAllText(Project.Path("README.md"));
        Assert.Contains("dotnet run -c Release --project src/SimdEmbed.Cli -- demo", readme, StringComparison.Ordinal);
        Assert.Contains("dotnet test -c Release", readme, StringComparison.Ordinal);
        Assert.All(ProjectPath().Matches(readme).Select(match => match.Value), path => Assert.True(Directory.Exists(Project.Path(path)), path));
    }

    [Fact]
    public void The_results_are_those_that_were_measured()
    {
        string path = Project.Path("README.md");
        string readme = File.ReadAllText(path);
        Match results = Results().Match(readme);
        Assert.True(results.Success, "the README has no results between their markers");
        string expected = readme[..results.Groups["table"].Index] + File.ReadAllText(Project.Path(results.Groups["file"].Value)) + readme[results.Groups["end"].Index..];
        if (Environment.GetEnvironmentVariable("UPDATE_README") == "1") File.WriteAllText(path, expected);
        Assert.Equal(expected, File.ReadAllText(path));
    }

    [GeneratedRegex("// <example>\n(.*?)        // </example>", RegexOptions.Singleline)]
    private static partial Regex Example();

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex("<!-- results: (?<file>[^ ]+) -->\n(?<table>.*?)(?<end><!-- end of results -->)", RegexOptions.Singleline)]
    private static partial Regex Results();

    [GeneratedRegex(@"\b(?:src|tests|perf)/[\w.]+")]
    private static partial Regex ProjectPath();
}
