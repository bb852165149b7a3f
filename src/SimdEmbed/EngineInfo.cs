using System.Numerics;
using System.Runtime;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace SimdEmbed;

/// <summary>What this build of the engine runs on: an application logs it once at start-up.</summary>
public static class EngineInfo
{
    /// <summary>How many floats one vector of the kernels holds: 4, 8 or 16. Results do not depend on it, speed does.</summary>
    public static int VectorWidth => Vector<float>.Count;

    // RuntimeFeature.IsDynamicCodeCompiled says what the project asked for, also while it runs under the JIT.

    /// <summary>True in a NativeAOT build, false under the JIT.</summary>
    public static bool IsNative => JitInfo.GetCompiledMethodCount() == 0;

    /// <summary>The vector instruction sets that this build uses, widest first, such as <c>AVX-512, AVX2, FMA</c>.</summary>
    public static string InstructionSets
    {
        get
        {
            List<string> sets = [];
            if (Avx512F.IsSupported) sets.Add("AVX-512");
            if (Avx2.IsSupported) sets.Add("AVX2");
            if (Fma.IsSupported) sets.Add("FMA");
            if (sets.Count == 0 && X86Base.IsSupported) sets.Add("SSE");
            if (AdvSimd.IsSupported) sets.Add("AdvSimd");
            return sets.Count == 0 ? "none" : string.Join(", ", sets);
        }
    }

    /// <summary>
    /// Null, or why this build is slower than its machine allows and what to change: a native build without
    /// <c>NativeAOT.props</c> has 128-bit vectors on a CPU with AVX2.
    /// </summary>
    public static string? Warning => CpuHasAvx2 && !Avx2.IsSupported
        ? $"this CPU has AVX2 but this build does not use it (vectors of {VectorWidth} floats): "
            + (IsNative ? "publish with SimdEmbedCpu set to x86-64-v3 (IlcInstructionSet, where NativeAOT.props is not used)." : "a DOTNET_Enable* variable switches it off.")
        : null;

    // Asked of the CPU itself: in a native build Avx2.IsSupported is a constant of the build.
    private static bool CpuHasAvx2 =>
        RuntimeInformation.ProcessArchitecture == Architecture.X64
        && X86Base.IsSupported
        && X86Base.CpuId(0, 0).Eax >= 7
        && (X86Base.CpuId(1, 0).Ecx & OsXSave) != 0
        && (X86Base.CpuId(7, 0).Ebx & Avx2Bit) != 0;

    private const int OsXSave = 1 << 27;
    private const int Avx2Bit = 1 << 5;
}
