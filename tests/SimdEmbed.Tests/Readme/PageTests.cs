using System.Reflection;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Readme;

/// <summary>The pages beside the README: their code is an example's that CI runs, their links lead somewhere, and what they name exists.</summary>
public sealed class PageTests
{
    private static readonly string[] s_pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "src/SimdEmbed/MovingFromPyTorch.md", "tests/SimdEmbed.Proofs/README.md"];

    public static TheoryData<string> Pages => [.. s_pages];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_lead_somewhere(string page)
    {
        string path = Project.Path(page);
        Assert.All(Markdown.Links(File.ReadAllText(path)), link =>
        {
            // No page may need the network to be checked.
            Assert.DoesNotContain("://", link, StringComparison.Ordinal);
            string[] parts = link.Split('#');
            string target = parts[0].Length == 0 ? path : Path.Combine(Path.GetDirectoryName(path)!, parts[0]);
            Assert.True(File.Exists(target) || Directory.Exists(target), $"{page}: {link}");
            if (parts.Length == 2) Assert.Contains(parts[1], Markdown.Anchors(File.ReadAllText(target)));
        });
    }

    [Fact]
    public void The_code_for_those_who_move_is_an_example()
    {
        string[] expected = Markdown.Examples(File.ReadAllText(Project.Path("src", "Examples", "TrainAndServe", "Program.cs")));
        Assert.Equal(expected, Markdown.CodeBlocks(File.ReadAllText(Project.Path("src", "SimdEmbed", "MovingFromPyTorch.md"))));
    }

    [Fact]
    public void What_PyTorchs_names_are_mapped_to_exists()
    {
        Dictionary<string, Type> types = typeof(Embedding).Assembly.GetExportedTypes().ToDictionary(type => type.Name.Split('`')[0]);
        string[][] rows = Markdown.TableRows(File.ReadAllText(Project.Path("src", "SimdEmbed", "MovingFromPyTorch.md")));
        string[] names =
        [
            .. rows.Where(cells => cells is not (["PyTorch", ..] or ["---", ..])).SelectMany(cells => Markdown.InlineCode(cells[1])).Where(name => char.IsUpper(name[0])),
        ];
        Assert.True(names.Length > 80, $"only {names.Length} names");
        Assert.All(names, name =>
        {
            string[] parts = name.Split('.');
            Assert.True(types.TryGetValue(parts[0], out Type? type), name);
            const BindingFlags Any = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;
            if (parts.Length == 2) Assert.NotEmpty(type!.GetMember(parts[1], Any));
        });
    }

    /// <summary>Nobody's option is forgotten: each has its row.</summary>
    [Fact]
    public void Every_option_of_an_embedding_and_an_optimizer_has_its_place()
    {
        string page = File.ReadAllText(Project.Path("src", "SimdEmbed", "MovingFromPyTorch.md"));
        string[] named = [.. Markdown.InlineCode(page).Select(name => name.Split('.')[^1])];
        Type[] options = [typeof(EmbeddingOptions), typeof(OptimizerOptions), typeof(SgdOptions), typeof(AdagradOptions), typeof(AdamOptions), typeof(RmsPropOptions)];
        string[] ours = [nameof(EmbeddingOptions.RenormTarget), nameof(EmbeddingOptions.UnknownIndices), nameof(SgdOptions.SparseMomentum), nameof(OptimizerOptions.NonFinite)];
        foreach (PropertyInfo property in options.SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)))
        {
            if (!ours.Contains(property.Name)) Assert.Contains(property.Name, named);
        }
    }
}
