using System.Text.Encodings.Web;
using System.Text.Json;

namespace SimdEmbed.Perf;

/// <summary>A participant beside ours: what it took, or why it did not take part. Ratios are its time divided by ours.</summary>
internal sealed record PeerResult(string Name, double? Us, double? MinUs, double? Ratio, double? RatioLow, double? RatioHigh, string? WhyNot)
{
    public static PeerResult Absent(string name, string reason) => new(name, null, null, null, null, null, reason);

    /// <summary>A difference inside the spread is none.</summary>
    public bool IsLevel => RatioLow <= 1 && RatioHigh >= 1;
}

/// <summary>A goal, and the ratio we reached, the way round that the goal has it; null where the rival has no figure.</summary>
internal sealed record GoalResult(string Goal, double? Reached, bool? Met)
{
    public static GoalResult Of(Goal goal, double? timesAsFast) =>
        new(goal.ToString(), goal.AsTime ? 1 / timesAsFast : timesAsFast, timesAsFast is { } reached ? reached >= goal.TimesAsFast : null);
}

/// <summary>A workload's figures, in microseconds per call.</summary>
internal sealed record WorkloadResult(
    string Id,
    string Title,
    int Threads,
    int Indices,
    double OursUs,
    double OursMinUs,
    long OursBytes,
    PeerResult Limit,
    IReadOnlyList<PeerResult> Peers,
    IReadOnlyList<GoalResult> Goals);

/// <summary>What the figures were measured on and with.</summary>
internal sealed record Machine(
    string Cpu,
    int Cores,
    string Os,
    string Runtime,
    int VectorWidth,
    string InstructionSets,
    double? SequentialReadGbS,
    string Commit,
    string Date,
    IReadOnlyDictionary<string, string> Versions);

internal sealed record Report(Machine Machine, IReadOnlyList<WorkloadResult> Results)
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    public string ToJson() => JsonSerializer.Serialize(this, s_options).ReplaceLineEndings("\n") + "\n";
}
