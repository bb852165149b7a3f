using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;
using Xunit;
using Xunit.Abstractions;

namespace SimdEmbed.Tests;

/// <summary>The property suite again in child processes, at every vector width: the bits must not depend on it.</summary>
public sealed class WidthTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("scalar", "DOTNET_EnableHWIntrinsic", "0")]
    [InlineData("128", "DOTNET_MaxVectorTBitWidth", "128")]
    [InlineData("256", "DOTNET_MaxVectorTBitWidth", "256")]
    [InlineData("512", "DOTNET_MaxVectorTBitWidth", "512")]
    public async Task The_properties_hold_at_this_width(string bits, string variable, string value)
    {
        if ((bits == "256" && !Avx2.IsSupported) || (bits == "512" && !Avx512F.IsSupported))
        {
            output.WriteLine($"not run: {bits} bits, which this machine does not have");
            return;
        }

        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "vstest", typeof(WidthTests).Assembly.Location, "--TestCaseFilter:Category=Property" },
            Environment = { [variable] = value, ["SIMDEMBED_VECTOR_BITS"] = bits, ["SIMDEMBED_CASES"] = "300" },
        };
        using Process child = Process.Start(start)!;
        Task<string> standardOutput = child.StandardOutput.ReadToEndAsync();
        Task<string> standardError = child.StandardError.ReadToEndAsync();
        await child.WaitForExitAsync();
        string text = await standardOutput + await standardError;
        output.WriteLine(text);
        Assert.True(child.ExitCode == 0, $"at {bits} bits:\n{text}");

        // A filter that matches nothing exits with 0 as well, and names nothing.
        Assert.True(Regex.Match(text, @"Passed:?\s+(\d+)") is { Success: true } match && int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) > 5, text);
    }
}
