using System.Text.RegularExpressions;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Readme;

/// <summary>The README is true: its code is the code that runs here.</summary>
[Collection(AloneInTheProcess.Name)]
public sealed partial class ReadmeTests
{
    [Fact]
    public void Every_code_block_is_an_example_that_is_compiled_here()
    {
        string source = File.ReadAllText(Project.Path("tests", "SimdEmbed.Tests", "Readme", "ReadmeExample.cs"));
        Assert.Equal(Markdown.Examples(source), Markdown.CodeBlocks(File.ReadAllText(Project.Path("README.md"))));
    }

    [Fact]
    public void The_example_looks_up_trains_and_reloads()
    {
        InFolder(() =>
        {
            float[] ones = [.. Enumerable.Repeat(1f, 48)];
            (float[] output, float[] trained, float[] served) = ReadmeExample.Run(ones);
            using Embedding untrained = new(100, 6, seed: 1);
            BitEqual.AssertSameBits(untrained.Weight.GetRow(1), output.AsSpan(0, 6));
            Assert.Equal(untrained.Weight.GetRow(4)[0] - (0.015f * 2), trained[4 * 6]);
            BitEqual.AssertSameBits(trained, served);
        });
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
    public void The_lookup_example_pads_limits_and_counts()
    {
        (float[] vectors, long unknown) = ReadmeExample.LookUp();
        Assert.Equal(1, unknown);
        Assert.All(vectors[..16], x => Assert.Equal(0, x));
        Assert.All(vectors[48..], x => Assert.Equal(0, x));
        Assert.InRange(Math.Sqrt(vectors[16..32].Sum(x => (double)x * x)), 1.9, 2.0001);
    }

    [Fact]
    public void The_factorisation_example_brings_predictions_nearer()
    {
        using Embedding people = new(10, 8, seed: 1), films = new(10, 8, seed: 2);
        using EmbeddingGradient peopleGradient = people.CreateGradient(), filmsGradient = films.CreateGradient();
        using Adam adam = new(new AdamOptions { LearningRate = 0.05f });
        adam.Add(people.Weight);
        adam.Add(films.Weight);
        float first = ReadmeExample.Factorise(people, films, peopleGradient, filmsGradient, adam);
        float last = first;
        for (int step = 0; step < 100; step++) last = ReadmeExample.Factorise(people, films, peopleGradient, filmsGradient, adam);
        Assert.True(last < first / 100, $"{first} became {last}");
    }

    [Fact]
    public void The_file_examples_save_convert_quantise_and_map()
    {
        using Embedding embedding = new(50, 12, seed: 1);
        using Adam adam = new(embedding.Weight, new AdamOptions());
        float[] looked = new float[12], mapped = new float[12], compact = new float[12];
        embedding.Forward<int>([1], looked);
        InFolder(() =>
        {
            PyTorchCheckpoint.Save("model.pth", new StateDict { ["emb.weight"] = embedding.Weight });
            ReadmeExample.SaveAndLoad(embedding, adam);
            ReadmeExample.Map(mapped);
        });
        BitEqual.AssertSameBits(looked, mapped);
        QuantizationReport report = ReadmeExample.Quantise(embedding.Weight, compact);
        Assert.True(report.BytesAfter < report.BytesBefore && report.MeanCosine > 0.999);
        for (int j = 0; j < 12; j++) Assert.Equal(looked[j], compact[j], 0.05f);
    }

    [Fact]
    public void The_commands_name_projects_that_exist()
    {
        string readme = File.ReadAllText(Project.Path("README.md"));
        Assert.Contains("dotnet run -c Release --project src/SimdEmbed.Cli -- demo", readme, StringComparison.Ordinal);
        Assert.Contains("dotnet test -c Release", readme, StringComparison.Ordinal);
        Assert.All(ProjectPath().Matches(readme).Select(match => match.Value), path => Assert.True(Path.Exists(Project.Path(path)), path));
    }

    [Fact]
    public void The_results_are_those_that_were_measured()
    {
        string path = Project.Path("README.md");
        string readme = File.ReadAllText(path);
        Alternatives.Check(readme);
        Assert.True(Results().Count(readme) >= 2, "the README has no results between their markers");
        string expected = Results().Replace(readme, block => block.Groups["head"].Value + File.ReadAllText(Project.Path(block.Groups["file"].Value)) + block.Groups["end"].Value);
        if (Project.Updates) File.WriteAllText(path, expected);
        Assert.Equal(expected, File.ReadAllText(path));
    }

    [Fact]
    public void It_is_short() => Assert.InRange(File.ReadAllLines(Project.Path("README.md")).Length, 100, 400);

    private static void InFolder(Action act)
    {
        string before = Environment.CurrentDirectory;
        string folder = Directory.CreateTempSubdirectory("simdembed-").FullName;
        try
        {
            Environment.CurrentDirectory = folder;
            act();
        }
        finally
        {
            Environment.CurrentDirectory = before;
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex("(?<head><!-- results: (?<file>[^ ]+) -->\n).*?(?<end><!-- end of results -->)", RegexOptions.Singleline)]
    private static partial Regex Results();

    [GeneratedRegex(@"\b(?:src|tests|perf)/[\w.]+")]
    private static partial Regex ProjectPath();
}
