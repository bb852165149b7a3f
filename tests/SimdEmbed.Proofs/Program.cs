using System.CommandLine;

namespace SimdEmbed.Proofs;

/// <summary>The long proofs, run by hand, and some of them, shortened, by <c>.ci/run</c>. Each ends with one line of figures, and with exit code 1 on any failure.</summary>
internal static class Program
{
    private static int Main(string[] arguments) => new RootCommand("The long proofs.")
    {
        PropertiesProof.Create(),
        ThreadsProof.Create(),
        BadIndicesProof.Create(),
        BadBagsProof.Create(),
        FuzzProof.Create(),
        CrashProof.Create(),
        LostWritesProof.Create(),
        BitFlipsProof.Create(),
        CheckpointSpeedProof.Create(),
        ConvertSpeedProof.Create(),
        CompactSpeedProof.Create(),
        FuzzWordsProof.Create(),
        WordsProof.Create(),
        WordLookupProof.Create(),
        GoldenFilesProof.Create(),
        LinearTimeProof.Create(),
        MappedProof.Create(),
        MappedProof.CreateChild(),
        MappedSpeedProof.Create(),
        CliffsProof.Create(),
        PoolingsProof.Create(),
        NativeProof.Create(),
        WidthsProof.Create(),
    }.Parse(arguments).Invoke();
}
