using System.Numerics;
using Xunit;

namespace SimdEmbed.Tests;

public sealed class EngineInfoTests
{
    [Fact]
    public void It_says_what_runs()
    {
        Assert.Equal(Vector<float>.Count, EngineInfo.VectorWidth);
        Assert.False(EngineInfo.IsNative);
        Assert.Equal(System.Runtime.Intrinsics.X86.Avx2.IsSupported, EngineInfo.InstructionSets.Contains("AVX2", StringComparison.Ordinal));
        if (System.Runtime.Intrinsics.X86.Avx2.IsSupported) Assert.Null(EngineInfo.Warning);
    }
}
