namespace SimdEmbed.Perf;

/// <summary>Sets up everybody who can do a workload, compares what they come to, and times them in turn.</summary>
internal sealed class Comparison(Race race, LimitLibrary? limit, string noLimit, PyTorchPeer pyTorch, TorchSharpPeer torchSharp)
{
    public const string Fbgemm = "FBGEMM";

    // Where its figures would come from: a factory as the others' in Participants.
    private const string NoFbgemm = "not available as a package";

    private readonly List<WorkloadResult> _results = [];

    public IReadOnlyList<WorkloadResult> Results => _results;

    /// <summary>What went wrong: a participant whose result is not ours.</summary>
    public List<string> Errors { get; } = [];

    public WorkloadResult Run(Workload workload)
    {
        WorkloadResult result = Measure(workload);
        _results.Add(result);
        return result;
    }

    private WorkloadResult Measure(Workload workload)
    {
        using WorkloadData data = WorkloadData.Create(workload);
        List<Call> calls = [OurCalls.Create(data)];
        try
        {
            List<PeerResult> absent = [];
            foreach ((string name, Call? call, string reason) in Participants(data))
            {
                if (call is null) absent.Add(PeerResult.Absent(name, reason));
                else calls.Add(call);
            }

            RemoveWhoDiffers(calls, absent, workload);
            Call? alone = OurCalls.OnOneThread(data);
            if (alone != null) calls.Add(alone);
            (Lane[] lanes, long bytes) = race.Run(calls, workload.Threads > 1);
            double? oneThread = alone == null ? null : Ratio.Of(lanes[0], lanes[^1]).Median;
            List<PeerResult> others = [.. lanes[1..(alone == null ? ^0 : ^1)].Select(lane => Compare(lanes[0], lane)), .. absent];
            PeerResult limitResult = others.Single(other => other.Name == LimitCalls.Name);
            PeerResult[] peers = [.. others.Where(other => other != limitResult).OrderBy(peer => Array.FindIndex(Order(), name => name == peer.Name))];
            return new WorkloadResult(
                workload.Id,
                workload.Title,
                workload.Threads,
                workload.Positions,
                lanes[0].Median * 1e6,
                lanes[0].Best * 1e6,
                bytes,
                limitResult,
                peers,
                [.. workload.Goals.Select(goal => Judge(goal, limitResult, peers, oneThread))]);
        }
        finally
        {
            foreach (Call call in calls) call.Dispose();
        }
    }

    /// <summary>Names in the order of the tables' columns.</summary>
    public string[] Order() => [LoopCalls.Name, OnnxCalls.Name, pyTorch.Name, TorchSharpPeer.Name, Fbgemm];

    private IEnumerable<(string Name, Call? Call, string Reason)> Participants(WorkloadData data)
    {
        yield return (LimitCalls.Name, limit is null ? null : LimitCalls.Create(limit, data), limit is null ? noLimit : "no simpler loop in C stands for it");
        yield return (LoopCalls.Name, LoopCalls.Create(data), "nobody would write it by hand");
        yield return (OnnxCalls.Name, OnnxCalls.Create(data, out string onnx), onnx);
        yield return (pyTorch.Name, pyTorch.Create(data, out string torch), torch);
        yield return (TorchSharpPeer.Name, torchSharp.Create(data, out string sharp), sharp);
        yield return (Fbgemm, null, NoFbgemm);
    }

    private void RemoveWhoDiffers(List<Call> calls, List<PeerResult> absent, Workload workload)
    {
        // Before anything is timed, because a training call changes the table that the next one starts from.
        float[][] outcomes = [.. calls.Select(call => call.First())];
        for (int i = calls.Count - 1; i > 0; i--)
        {
            if (outcomes[i].Length == 0 || Outcome.Difference(outcomes[0], outcomes[i], workload) is not { } difference) continue;
            Errors.Add($"{workload.Name}: {calls[i].Name} differs: {difference}");
            absent.Add(PeerResult.Absent(calls[i].Name, "its result differs from ours"));
            calls[i].Dispose();
            calls.RemoveAt(i);
        }
    }

    private static PeerResult Compare(Lane ours, Lane other)
    {
        Ratio ratio = Ratio.Of(ours, other);
        return new PeerResult(other.Name, other.Median * 1e6, other.Best * 1e6, ratio.Median, ratio.Low, ratio.High, null);
    }

    private static GoalResult Judge(Goal goal, PeerResult limit, PeerResult[] peers, double? oneThread) => GoalResult.Of(goal, goal.Rival switch
    {
        Rival.Limit => limit.Ratio,
        Rival.OneThread => oneThread,
        Rival.Loop => RatioOf(peers, LoopCalls.Name),
        Rival.OnnxRuntime => RatioOf(peers, OnnxCalls.Name),
        Rival.Fbgemm => RatioOf(peers, Fbgemm),
        Rival.PyTorch => RatioOf(peers, PyTorchPeer.NameStart),
        _ => peers.Where(peer => peer.Name != LoopCalls.Name).Min(peer => peer.Ratio),
    });

    private static double? RatioOf(PeerResult[] peers, string name) => Array.Find(peers, peer => peer.Name.StartsWith(name, StringComparison.Ordinal))?.Ratio;
}
