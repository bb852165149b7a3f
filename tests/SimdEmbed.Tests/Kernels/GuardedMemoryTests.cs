using System.Diagnostics;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;
using SimdEmbed.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace SimdEmbed.Tests.Kernels;

/// <summary>Guard pages end a process that goes beyond a buffer by one byte: planted faults, each in a process of its own.</summary>
public sealed class GuardedMemoryTests(ITestOutputHelper output)
{
    private const string Plant = "SIMDEMBED_PLANT";

    [Theory]
    [InlineData("nothing", false)]
    [InlineData("read after", true)]
    [InlineData("read before", true)]
    [InlineData("write after", true)]
    [InlineData("write before", true)]
    [InlineData("a kernel's vector", true)]
    public async Task A_planted_fault_ends_the_process(string fault, bool dies)
    {
        if (!GuardedMemory.IsSupported) return;
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "vstest", typeof(GuardedMemoryTests).Assembly.Location, $"--TestCaseFilter:FullyQualifiedName={typeof(PlantedFault).FullName}.{nameof(PlantedFault.Run)}" },
            Environment = { [Plant] = fault, ["DOTNET_DbgEnableMiniDump"] = "0" },
        };
        using Process child = Process.Start(start)!;
        Task<string> standardError = child.StandardError.ReadToEndAsync();
        string text = await child.StandardOutput.ReadToEndAsync() + await standardError;
        await child.WaitForExitAsync();
        output.WriteLine(text);
        Assert.Equal(dies, child.ExitCode != 0);
        Assert.Equal(dies, text.Contains("crashed", StringComparison.OrdinalIgnoreCase));
        if (!dies) Assert.Contains("Passed", text, StringComparison.Ordinal);
    }

    /// <summary>What the children run; in this process it reads and writes up to both ends, which is allowed.</summary>
    public sealed class PlantedFault
    {
        [Fact]
        public unsafe void Run()
        {
            if (!GuardedMemory.IsSupported) return;
            using GuardedMemory memory = new(1000);
            byte* end = memory.Place<byte>(100, atEnd: true) + 100;
            byte* first = memory.Place<byte>(100, atEnd: false);
            first[0] = end[-1] = 1;
            switch (Environment.GetEnvironmentVariable(Plant))
            {
                case "read after": end[-1] = Volatile.Read(ref *end); break;
                case "read before": end[-1] = Volatile.Read(ref *(first - 1)); break;
                case "write after": *end = 1; break;
                case "write before": *(first - 1) = 1; break;
                case "a kernel's vector": ReadBeyond(memory); break;
                default: Assert.Equal(2, first[0] + end[-1]); break;
            }
        }

        /// <summary>Codes are read in whole vectors: without the bytes behind them that a table has, the last row is too short.</summary>
        private static unsafe void ReadBeyond(GuardedMemory memory)
        {
            float* pair = stackalloc float[] { 1, 0 };
            nint stride = Int8.RowBytes(9);
            RowView rows = new(memory.Place<byte>(stride, atEnd: true), stride, 1, 9, padded: true, pair);
            int index = 0;
            float* row = stackalloc float[9];
            Gather<int, Int8>.Run(rows, &index, 1, row);
        }
    }
}
