using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text.RegularExpressions;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>widths</c>: the property and golden suites at every vector width under the JIT, and in native builds for every instruction set. All compare bits
/// with the reference, so that passing everywhere means equal bits everywhere.
/// </summary>
internal static partial class WidthsProof
{
    private const string Tests = "SimdEmbed.Tests";
    private const string NativeTests = "SimdEmbed.AotTests";
    private const string Proofs = "SimdEmbed.Proofs";

    /// <summary>Settings of the runtime that give a width, and of the processors that have no more than it.</summary>
    private static readonly (string Name, string Bits, string[] Variables)[] s_settings =
    [
        ("scalar", "scalar", ["DOTNET_EnableHWIntrinsic=0"]),
        ("128", "128", ["DOTNET_MaxVectorTBitWidth=128"]),
        ("128, no AVX", "128", ["DOTNET_EnableAVX=0"]),
        ("128, no AVX2", "128", ["DOTNET_EnableAVX2=0"]),
        ("256", "256", ["DOTNET_MaxVectorTBitWidth=256"]),
        ("256, no AVX-512", "256", ["DOTNET_EnableAVX512=0"]),
        ("512", "512", ["DOTNET_MaxVectorTBitWidth=512"]),
    ];

    private static readonly (string Cpu, string Bits)[] s_builds = [("x86-64-v2", "128"), ("x86-64-v3", "256"), ("x86-64-v4", "512")];

    public static Command Create()
    {
        Option<int> cases = new("--cases") { DefaultValueFactory = _ => 1500, Description = "generated cases of each property; ten times as many of those of all options, five times of optimizers and compact rows" };
        Option<string> only = new("--only") { DefaultValueFactory = _ => "all", Description = "all, jit or native" };
        only.AcceptOnlyFromAmong("all", "jit", "native");
        Option<bool> published = new("--published") { Description = "take the native builds that are there" };
        Option<bool> results = new("--results") { Description = "write the figures to tests/results/widths.md" };
        Command command = new("widths", "Properties and golden data at every width, under the JIT and native.") { cases, only, published, results };
        command.SetAction(call => Run(call.GetValue(cases), call.GetValue(only)!, call.GetValue(published), call.GetValue(results)));
        return command;
    }

    private static int Run(int cases, string only, bool isPublished, bool keep)
    {
        Stopwatch clock = Stopwatch.StartNew();
        List<string> lines = [];
        int failed = 0, lacking = 0;
        if (only != "native")
        {
            foreach ((string name, string bits, string[] variables) in s_settings)
            {
                if (!Has(bits, $"JIT, {name}")) continue;
                Dictionary<string, string> environment = variables.Select(one => one.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
                environment["SIMDEMBED_VECTOR_BITS"] = bits;
                environment["SIMDEMBED_CASES"] = cases.ToString(CultureInfo.InvariantCulture);
                (int exitCode, string text) = ChildProgram.Run(
                    ChildProgram.DotNet, ["vstest", ChildProgram.Built(Tests), "--TestCaseFilter:Category=Property|Category=Golden"], environment);

                // A filter that matches nothing exits with 0 as well; one of the tests is that the width is the one asked for.
                int passed = PassedTests().Match(text) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;
                Say($"JIT, {name}: {passed} tests of properties and golden data", exitCode == 0 && passed > 10, text);
            }
        }

        if (only != "jit")
        {
            foreach ((string cpu, string bits) in s_builds)
            {
                if (!Has(bits, $"native {cpu}")) continue;
                (int exitCode, string text) = ChildProgram.Run(ChildProgram.Native(NativeTests, cpu, !isPublished), []);
                Say($"native {cpu}, golden data: {LastLine(text)}", exitCode == 0 && text.StartsWith($"native, {bits} bits", StringComparison.Ordinal), text);
                (exitCode, text) = ChildProgram.Run(
                    ChildProgram.Native(Proofs, cpu, !isPublished), ["properties", "--cases", (10 * cases).ToString(CultureInfo.InvariantCulture)]);
                bool isWidth = text.StartsWith($"native, {bits} bits", StringComparison.Ordinal);
                foreach (string kind in text.Split('\n').Where(line => line.StartsWith("properties: ", StringComparison.Ordinal) && line.Contains(" cases ", StringComparison.Ordinal)))
                {
                    Say($"native {cpu}, {kind}", kind.Contains(", 0 failed, 0 of ", StringComparison.Ordinal) && isWidth, text);
                }

                if (exitCode != 0) Say($"native {cpu}, properties: exit code {exitCode}", false, text);
            }
        }

        lines.Add($"widths: {lines.Count - lacking} runs, {failed} failed, {lacking} that this processor cannot do, {clock.Elapsed.TotalSeconds:F0} s");
        ResultFile.Report("widths", $"widths --cases {cases}{(only == "all" ? "" : $" --only {only}")}", lines, keep);
        return failed == 0 && lines.Count > lacking + 1 ? 0 : 1;

        // A processor without 512-bit vectors can prove nothing about them; the line says so instead of a failure.
        bool Has(string bits, string run)
        {
            if (bits != "512" || Vector512.IsHardwareAccelerated) return true;
            lines.Add($"{run}: not run, the processor has no AVX-512");
            lacking++;
            return false;
        }

        void Say(string line, bool passed, string text)
        {
            lines.Add($"{line}: {(passed ? "passed" : "FAILED")}");
            if (passed) return;
            failed++;
            Console.Error.WriteLine(text);
        }
    }

    private static string LastLine(string text) => text.TrimEnd().Split('\n')[^1];

    [GeneratedRegex(@"Passed:?\s+(\d+)")]
    private static partial Regex PassedTests();
}
