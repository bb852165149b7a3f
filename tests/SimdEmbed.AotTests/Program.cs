using SimdEmbed;
using SimdEmbed.AotTests;
using SimdEmbed.Tests.Golden;
using SimdEmbed.Tests.Initializers;

// The golden data through the public API of a native build: what a service that publishes native gets.
if (args is ["crash-child", _, ..]) return CrashChild.Run(args);
if (args is ["--loop", ..]) return TimingLoop.Run(args);
Console.WriteLine($"{(EngineInfo.IsNative ? "native" : "JIT")}, {EngineInfo.VectorWidth * 32} bits, {EngineInfo.InstructionSets}");
string folder = args.Length > 0 ? args[0] : Path.Combine(AppContext.BaseDirectory, "Golden");
int passed = 0;
int failed = 0;
foreach (string family in GoldenSet.Families)
{
    GoldenReport report = new GoldenSet(folder).Run(family);
    passed += report.Ran - report.Failed;
    failed += report.Failed;
    Console.WriteLine($"{report.Family}: {report.Ran} ran, {report.Deferred} deferred, {report.Failed} failed");
    foreach (string failure in report.Failures) Console.WriteLine($"  FAILED {failure}");
}

string? difference = NormalVector.FirstDifference();
Console.WriteLine($"Initializer.Normal: {difference ?? "the committed bits"}");
if (difference is null) passed++;
else failed++;
Console.WriteLine($"{passed} passed, {failed} failed");
return failed == 0 && passed > 0 ? 0 : 1;
