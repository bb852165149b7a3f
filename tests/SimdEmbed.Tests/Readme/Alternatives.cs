using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Readme;

/// <summary>
/// The README's first table: what else there is, with the times that <c>perf/SimdEmbed.Peers</c> measured and the weights that
/// <c>tests/packages.sh</c> found.
/// </summary>
internal static partial class Alternatives
{
    public static void Check(string readme)
    {
        string path = Project.Path("tests", "results", "alternatives.md");
        string expected = Table(Project.Path(PeersFolder().Match(readme).Value, "peers.json"), Project.Path("tests", "results", "packages.json"));
        if (Project.Updates) File.WriteAllText(path, expected);
        Assert.Equal(expected, File.ReadAllText(path));
    }

    private static string Table(string peersPath, string packagesPath)
    {
        using JsonDocument peers = JsonDocument.Parse(File.ReadAllText(peersPath));
        using JsonDocument packages = JsonDocument.Parse(File.ReadAllText(packagesPath));
        JsonElement lookup = Workload(peers, "L1"), training = Workload(peers, "TS");
        string program = Megabytes(packages, "native_program_bytes");
        string native = Number(packages, "native_first_lookup_ms"), jit = Number(packages, "jit_first_lookup_ms");
        return string.Join('\n',
            "| | look up a row | train on 8,192 | native files | what it is |",
            "|---|---:|---:|---:|---|",
            Row("**SimdEmbed**", Time(Ours(lookup)), Time(Ours(training)), "none", $"looks up, pools, trains and serves in your process; a native program that loads a PyTorch file and looks a row up has {program} MB, and has done so {native} ms after its start ({jit} ms under the JIT)"),
            Row("a `for` loop", Time(Peer(lookup, "C# loop")), Time(Peer(training, "C# loop")), "none", "enough for plain lookups of few rows; checks, bags, gradients, optimizers and files are yours to write"),
            Row("ONNX Runtime", Time(Peer(lookup, "ONNX Runtime")), Time(Peer(training, "ONNX Runtime")), $"{Megabytes(packages, "onnxruntime_native_bytes")} MB", "inference only, and no embedding bag"),
            Row("TorchSharp", Time(Peer(lookup, "TorchSharp")), Time(Peer(training, "TorchSharp")), $"{Megabytes(packages, "libtorch_native_bytes")} MB", "all of PyTorch, through tensors that are allocated for each call"),
            Row("PyTorch, in Python", Time(Peer(lookup, "PyTorch")), Time(Peer(training, "PyTorch")), "as TorchSharp", "where models are made; to a .NET service it is another process"),
            "");
    }

    private static string Row(params string[] cells) => $"| {string.Join(" | ", cells)} |";

    private static JsonElement Workload(JsonDocument peers, string id) =>
        peers.RootElement.GetProperty("results").EnumerateArray().First(result => result.GetProperty("id").GetString() == id && result.GetProperty("threads").GetInt32() == 1);

    private static double? Ours(JsonElement workload) => workload.GetProperty("ours_us").GetDouble();

    private static double? Peer(JsonElement workload, string name)
    {
        JsonElement peer = workload.GetProperty("peers").EnumerateArray().First(peer => peer.GetProperty("name").GetString()!.StartsWith(name, StringComparison.Ordinal));
        return peer.GetProperty("us").ValueKind == JsonValueKind.Null ? null : peer.GetProperty("us").GetDouble();
    }

    private static string Time(double? microseconds) => microseconds switch
    {
        null => "-",
        < 1 => $"{Digits(microseconds.Value * 1e3)} ns",
        < 1e3 => $"{Digits(microseconds.Value)} us",
        _ => $"{Digits(microseconds.Value / 1e3)} ms",
    };

    private static string Digits(double value) => value.ToString(value < 10 ? "F2" : value < 100 ? "F1" : "F0", CultureInfo.InvariantCulture);

    private static string Megabytes(JsonDocument packages, string name) => Digits(packages.RootElement.GetProperty(name).GetDouble() / (1 << 20));

    private static string Number(JsonDocument packages, string name) => packages.RootElement.GetProperty(name).GetDouble().ToString("F1", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"perf/results/[\w-]+(?=/readme\.md)")]
    private static partial Regex PeersFolder();
}
