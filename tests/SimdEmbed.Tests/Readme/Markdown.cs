using System.Text.RegularExpressions;

namespace SimdEmbed.Tests.Readme;

/// <summary>What the tests of the pages read in them, and in the sources that their code comes from.</summary>
internal static partial class Markdown
{
    /// <summary>The C# blocks of a page.</summary>
    public static string[] CodeBlocks(string page) => [.. CodeBlock().Matches(page).Select(match => match.Groups[1].Value)];

    /// <summary>What stands between the markers of a source file, moved to the left margin.</summary>
    public static string[] Examples(string source) => [.. Example().Matches(source).Select(match => Dedent(match.Groups["indent"].Length, match.Groups["text"].Value))];

    /// <summary>The inline code of a page, its blocks left out.</summary>
    public static string[] InlineCode(string page) => [.. Inline().Matches(Fence().Replace(page, "")).Select(match => match.Groups[1].Value)];

    /// <summary>The cells of the tables of a page, row by row, without heads and rules.</summary>
    public static string[][] TableRows(string page) =>
        [.. page.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Select(line => line.Trim('|', ' ').Split(" | "))];

    /// <summary>Where its links lead.</summary>
    public static string[] Links(string page) => [.. Link().Matches(Fence().Replace(page, "")).Select(match => match.Groups[1].Value)];

    /// <summary>The names that a heading of a page can be linked by, as GitHub makes them.</summary>
    public static string[] Anchors(string page) =>
        [.. Heading().Matches(Fence().Replace(page, "")).Select(match => NotInAnchors().Replace(match.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-'))];

    private static string Dedent(int by, string text) => string.Join('\n', text.Split('\n').Select(line => line.Length >= by ? line[by..] : line));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex("^(?<indent> *)// <example>\n(?<text>.*?)^ *// </example>", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Example();

    [GeneratedRegex("```.*?```", RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex Inline();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors();
}
