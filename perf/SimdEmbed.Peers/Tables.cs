using System.Globalization;
using System.Text;

namespace SimdEmbed.Perf;

/// <summary>The figures as Markdown.</summary>
internal static class Tables
{
    /// <summary>The rows of the README's table.</summary>
    private static readonly string[] s_readme =
        ["L1", "L32", "G64-U", "G64-Z", "B128-sum-U", "B128-sum-Z", "B128-max-U", "BD", "TS", "TA", "TM", "RN", "SEED", "LD"];

    public static string Full(Report report)
    {
        StringBuilder text = new();
        text.AppendLine("# SimdEmbed beside its peers").AppendLine();
        text.AppendLine(About(report.Machine)).AppendLine();
        text.AppendLine("Written by `dotnet run -c Release --project perf/SimdEmbed.Peers -- --results`. Medians of blocks that ran in turn, on the same data; below");
        text.AppendLine("each peer's time its ratio to ours with the spread over the rounds but the outer tenths, and *level* where the spread holds 1. Ours runs under");
        text.AppendLine("the JIT; PyTorch's threads are pinned. U is uniform rows, Z is Zipf(1.05). Bytes are managed bytes allocated per call.");
        text.AppendLine("The limit of a mean and a maximum is the sum; of a dense gradient clearing all of it, where ours clears the rows it wrote before.").AppendLine();

        string[] peers = PeerNames(report);
        Row(text, ["id", "what", "SimdEmbed", "best", "ns per index", "bytes", "limit", .. peers]);
        Row(text, [.. Enumerable.Repeat("---", 7 + peers.Length)]);
        foreach (WorkloadResult result in report.Results)
        {
            Row(text,
            [
                Id(result),
                result.Title,
                Time(result.OursUs),
                Time(result.OursMinUs),
                Number(result.Indices > 0 ? result.OursUs * 1000 / result.Indices : null),
                result.OursBytes.ToString(CultureInfo.InvariantCulture),
                Cell(result.Limit),
                .. peers.Select(name => Cell(result.Peers.FirstOrDefault(peer => peer.Name == name))),
            ]);
        }

        text.AppendLine().AppendLine("## Goals").AppendLine();
        Row(text, ["id", "goal", "reached", ""]);
        Row(text, ["---", "---", "---", "---"]);
        foreach (WorkloadResult result in report.Results)
        {
            foreach (GoalResult goal in result.Goals)
            {
                Row(text, [Id(result), goal.Goal, Reached(goal), goal.Met switch { true => "met", false => "not met", null => "no figure" }]);
            }
        }

        text.AppendLine().AppendLine("## Not measured").AppendLine();
        var reasons =
            from result in report.Results
            from peer in result.Peers.Append(result.Limit)
            where peer.WhyNot is not null
            group Id(result) by (peer.Name, WhyNot: peer.WhyNot!);
        Row(text, ["who", "why not", "where"]);
        Row(text, ["---", "---", "---"]);
        foreach (var group in reasons) Row(text, [group.Key.Name, group.Key.WhyNot, group.Count() == report.Results.Count ? "everywhere" : string.Join(", ", group)]);
        return text.ToString().ReplaceLineEndings("\n");
    }

    /// <summary>The README's table: few rows, and only peers that ran.</summary>
    public static string Short(Report report)
    {
        StringBuilder text = new();
        WorkloadResult[] results = [.. s_readme.SelectMany(id => report.Results.Where(result => result.Id == id && result.Threads == 1))];
        string[] peers = [.. PeerNames(report).Where(name => results.Any(result => result.Peers.Any(peer => peer.Name == name && peer.Us is not null)))];
        Row(text, ["", "SimdEmbed", .. peers, "limit in C"]);
        Row(text, ["---", .. Enumerable.Repeat("---:", peers.Length + 2)]);
        foreach (WorkloadResult result in results)
        {
            Row(text,
            [
                result.Title,
                $"**{Time(result.OursUs)}**",
                .. peers.Select(name => ShortCell(result.Peers.FirstOrDefault(peer => peer.Name == name))),
                ShortCell(result.Limit),
            ]);
        }

        text.AppendLine().AppendLine(About(report.Machine));
        return text.ToString().ReplaceLineEndings("\n");
    }

    /// <summary>A result as it comes in, for the terminal.</summary>
    public static string Line(WorkloadResult result)
    {
        IEnumerable<string> others = result.Peers.Append(result.Limit).Where(peer => peer.Us is not null).Select(peer => $"{peer.Name} {Time(peer.Us)} {Times(peer)}");
        IEnumerable<string> goals = result.Goals.Where(goal => goal.Met is not null).Select(goal => $"{goal.Goal}: {(goal.Met == true ? "met" : "NOT met")}, {Reached(goal)}");
        return $"{Id(result),-16} {Time(result.OursUs),9} {result.OursBytes} B | {string.Join("; ", others)} | {string.Join("; ", goals)}";
    }

    private static string About(Machine machine) =>
        $"{machine.Cpu}, {machine.Cores} cores, {machine.Os}; {machine.Runtime}, vectors of {machine.VectorWidth} floats; "
        + $"a core reads {Number(machine.SequentialReadGbS)} GB/s in order; "
        + $"{string.Join(", ", machine.Versions.Select(version => $"{version.Key} {version.Value}"))}; commit {machine.Commit}, {machine.Date}.";

    private static string[] PeerNames(Report report) => [.. report.Results.SelectMany(result => result.Peers).Select(peer => peer.Name).Distinct()];

    private static string Id(WorkloadResult result) => result.Threads == 1 ? result.Id : $"{result.Id}, {result.Threads} threads";

    private static string Cell(PeerResult? peer) => peer?.Us is null ? "-" : $"{Time(peer.Us)}<br>{Times(peer)}";

    private static string ShortCell(PeerResult? peer) => peer?.Us is null ? "-" : peer.IsLevel ? $"{Time(peer.Us)}, level" : $"{Time(peer.Us)}, {Number(peer.Ratio)}x";

    private static string Times(PeerResult peer) => peer.IsLevel
        ? $"level ({Number(peer.RatioLow)}-{Number(peer.RatioHigh)})"
        : $"{Number(peer.Ratio)}x ({Number(peer.RatioLow)}-{Number(peer.RatioHigh)})";

    private static string Reached(GoalResult goal) => goal.Reached is null ? "-" : $"{Number(goal.Reached)}x";

    private static string Time(double? microseconds) => microseconds switch
    {
        null => "-",
        < 1 => $"{Number(microseconds * 1000)} ns",
        < 1000 => $"{Number(microseconds)} us",
        _ => $"{Number(microseconds / 1000)} ms",
    };

    /// <summary>Three digits, which is more than the machine repeats.</summary>
    private static string Number(double? value) => value switch
    {
        null => "-",
        >= 100 => value.Value.ToString("N0", CultureInfo.InvariantCulture),
        >= 10 => value.Value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.00", CultureInfo.InvariantCulture),
    };

    private static void Row(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).AppendLine(" |");
}
