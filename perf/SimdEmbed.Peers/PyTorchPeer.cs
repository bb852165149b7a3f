using System.Text.Json.Nodes;

namespace SimdEmbed.Perf;

/// <summary>PyTorch through Python.</summary>
internal sealed class PyTorchPeer : IDisposable
{
    public const string NameStart = "PyTorch";

    private readonly Dictionary<int, PyTorchProcess> _processes = [];
    private readonly (string Command, string Version)? _python = PyTorchProcess.Find();

    public string Name => _python is { } python ? $"{NameStart} {Version.Parse(new string([.. python.Version.TakeWhile(c => char.IsAsciiDigit(c) || c == '.')])).ToString(2)}" : NameStart;

    public string? FullVersion => _python?.Version;

    /// <summary>The call, or why there is none.</summary>
    public Call? Create(WorkloadData data, out string reason)
    {
        reason = "no python3 imports torch and numpy";
        if (_python is not { } python) return null;
        if (!_processes.TryGetValue(data.Workload.Threads, out PyTorchProcess? process))
        {
            process = PyTorchProcess.Start(python.Command, data.Workload.Threads);
            _processes.Add(data.Workload.Threads, process);
        }

        PyTorchCall call = new(Name, process, data);
        if (call.Refused is not { } refused) return call;
        reason = refused;
        return null;
    }

    public void Dispose()
    {
        foreach (PyTorchProcess process in _processes.Values) process.Dispose();
    }

    private sealed class PyTorchCall : Call
    {
        private readonly PyTorchProcess _process;
        private readonly float[] _first;

        public PyTorchCall(string name, PyTorchProcess process, WorkloadData data)
        {
            Name = name;
            _process = process;
            Workload workload = data.Workload;
            string outcome = Path.Combine(WorkFolder.Path, "outcome.npy");
            JsonNode answer = process.Ask(new JsonObject
            {
                ["kind"] = workload.Kind.ToString(),
                ["table"] = Table(data),
                ["indices"] = File<long>("indices.npy", [.. data.Batches.SelectMany(batch => batch).Select(index => (long)index)], Workload.Batches, workload.Positions),
                ["weights"] = File<float>("weights.npy", data.Weights, data.Weights.Length),
                ["gradient"] = File<float>("gradient.npy", data.OutputGradient, data.OutputGradient.Length / workload.Dim, workload.Dim),
                ["outcome"] = outcome,
                ["bag_length"] = workload.BagLength,
                ["pooling"] = workload.Pooling.ToString().ToLowerInvariant(),
                ["weighted"] = workload.Weighted,
                ["by_frequency"] = workload.ByFrequency,
                ["codec"] = workload.Codec.ToString(),
                ["rule"] = workload.Rule.ToString(),
                ["learning_rate"] = OurCalls.LearningRate,
                ["target"] = OurCalls.Target,
                ["vector"] = new JsonArray([.. OurCalls.SeedVector.Select(value => JsonValue.Create(value))]),
                ["first_limit"] = OurCalls.FirstLimit,
                ["limit_decay"] = OurCalls.LimitDecay,
                ["limits_per_round"] = OurCalls.LimitsPerRound,
                ["checkpoint"] = workload.Kind == WorkloadKind.Load ? CheckpointFile.Of(data) : null,
                ["key"] = CheckpointFile.Key,
                ["rows_of_table"] = Outcome.RowsOfTable,
            });
            Refused = (string?)answer["refused"];
            _first = Refused is null ? NpyFile.ReadFloats(outcome) : [];
        }

        public override string Name { get; }

        /// <summary>What PyTorch says of a workload that it cannot do, or null.</summary>
        public string? Refused { get; }

        public override int WarmUpCalls(int managed) => 1;

        public override void Run(int calls) => Seconds(calls);

        public override float[] First() => _first;

        public override double Seconds(int calls) => (double)_process.Ask(new JsonObject { ["calls"] = calls })["seconds"]!;

        /// <summary>The table as a file, written once for each shape: the same seed gives the same table, whatever was trained.</summary>
        private static string Table(WorkloadData data)
        {
            string path = Path.Combine(WorkFolder.Path, $"table-{data.Workload.Rows}x{data.Workload.Dim}-{data.Workload.Codec}.npy");
            if (!System.IO.File.Exists(path)) NpyFile.Write(path, data.Elements, data.Workload.Rows, data.Workload.Dim);
            return path;
        }

        private static string File<T>(string name, ReadOnlySpan<T> values, params int[] shape)
            where T : unmanaged
        {
            string path = Path.Combine(WorkFolder.Path, name);
            NpyFile.Write(path, values, shape);
            return path;
        }
    }
}
