using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace SimdEmbed.Cli;

/// <summary>What the numbers were measured on.</summary>
internal sealed record MachineFacts(
    string Version,
    string Runtime,
    string Build,
    int VectorWidth,
    string InstructionSets,
    string? Cpu,
    int Cores,
    string Os,
    string Architecture,
    string? Warning)
{
    public static MachineFacts Read() => new(
        typeof(Embedding).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown",
        RuntimeInformation.FrameworkDescription,
        EngineInfo.IsNative ? "native" : "JIT",
        EngineInfo.VectorWidth,
        EngineInfo.InstructionSets,
        CpuName(),
        Environment.ProcessorCount,
        RuntimeInformation.OSDescription,
        RuntimeInformation.ProcessArchitecture.ToString(),
        EngineInfo.Warning);

    public override string ToString() =>
        $"{Build} build, vectors of {VectorWidth} floats ({InstructionSets}); {Runtime}; "
        + $"{Os} {Architecture}; {Cpu ?? "unknown CPU"}, {Cores} cores";

    /// <summary>The brand string that an x86 CPU gives in three times sixteen bytes; null elsewhere.</summary>
    private static string? CpuName()
    {
        const int FirstLeaf = unchecked((int)0x80000002);
        const int LastLeaf = unchecked((int)0x80000004);
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < unchecked((uint)LastLeaf)) return null;

        Span<int> words = stackalloc int[12];
        for (int leaf = FirstLeaf, i = 0; leaf <= LastLeaf; leaf++, i += 4)
        {
            (words[i], words[i + 1], words[i + 2], words[i + 3]) = X86Base.CpuId(leaf, 0);
        }

        string name = Encoding.ASCII.GetString(MemoryMarshal.AsBytes(words)).Trim('\0', ' ');
        return name.Length == 0 ? null : name;
    }
}
