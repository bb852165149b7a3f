using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;
using static SimdEmbed.Proofs.SideBySide;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>mapped-speed</c>: lookups in a mapped, warm file beside lookups in memory that starts at the same place of a page and has no huge
/// pages either, turn about in one run.
/// </summary>
internal static unsafe class MappedSpeedProof
{
    private const int Dim = 64;
    private const int BatchRows = 4096;
    private const int PageBytes = 4096;
    private const int CallsPerRound = 50;

    public static Command Create()
    {
        Option<int> rows = new("--rows") { DefaultValueFactory = _ => 1_000_000, Description = "the table's rows" };
        Option<int> rounds = new("--rounds") { DefaultValueFactory = _ => 41, Description = "how often; the median counts" };
        Command command = new("mapped-speed", "Lookups in a mapped file beside those in memory.") { rows, rounds };
        command.SetAction(call => Run(call.GetValue(rows), call.GetValue(rounds)));
        return command;
    }

    private static int Run(int rows, int rounds)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("simdembed-");
        try
        {
            string path = Path.Combine(folder.FullName, "table.npy");
            using (EmbeddingTable made = EmbeddingTable.Create(rows, Dim, Initializer.Normal(seed: 1))) NumpyFile.Save(path, made);
            using TableFile file = TableFile.Open(path);
            using EmbeddingTable mapped = file.MapTable(options: new MapOptions { Prefault = true });
            byte* from = mapped.OpenRead().Rows;
            int place = (int)((nuint)from % PageBytes);
            using PlainPages pages = new((nuint)rows * Dim * sizeof(float), place);
            Buffer.MemoryCopy(from, pages.Start + place, (long)rows * Dim * sizeof(float), (long)rows * Dim * sizeof(float));
            using EmbeddingTable owned = EmbeddingTable.Mapped(pages, RowView.Dense((float*)(pages.Start + place), rows, Dim), RowCodec.Float32);
            using Embedding mappedLookup = Embedding.FromPretrained(mapped, leaveOpen: true);
            using Embedding ownedLookup = Embedding.FromPretrained(owned, leaveOpen: true);
            int[] indices = new int[BatchRows * CallsPerRound];
            Random random = new(2);
            for (int i = 0; i < indices.Length; i++) indices[i] = random.Next(rows);
            float[] output = new float[BatchRows * Dim];
            List<double> ratios = [], mappedTimes = [], ownedTimes = [];
            for (int round = -5; round < rounds; round++)
            {
                (Embedding first, Embedding second) = round % 2 == 0 ? (mappedLookup, ownedLookup) : (ownedLookup, mappedLookup);
                double one = Nanoseconds(first, indices, output);
                double two = Nanoseconds(second, indices, output);
                if (round < 0) continue;
                (double ofMapped, double ofOwned) = round % 2 == 0 ? (one, two) : (two, one);
                mappedTimes.Add(ofMapped);
                ownedTimes.Add(ofOwned);
                ratios.Add(ofMapped / ofOwned);
            }

            Console.WriteLine(
                $"mapped-speed: {rows} x {Dim}, {BatchRows} random rows a call, at byte {place} of a page: mapped {Median(mappedTimes):F1} ns a row, "
                    + $"in memory without huge pages {Median(ownedTimes):F1}, ratio {Median(ratios):F2}, medians of {rounds}");
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double Nanoseconds(Embedding embedding, int[] indices, float[] output)
    {
        long start = Stopwatch.GetTimestamp();
        for (int call = 0; call < CallsPerRound; call++) embedding.Forward<int>(indices.AsSpan(call * BatchRows, BatchRows), output);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / indices.Length;
    }

    /// <summary>Memory on pages of the usual size: nothing asks the system for others.</summary>
    private sealed class PlainPages(nuint bytes, int place) : IDisposable
    {
        public byte* Start { get; private set; } = (byte*)NativeMemory.AlignedAlloc(bytes + (nuint)place + AlignedMemory.Overread, PageBytes);

        // The table over these pages disposes them too.
        public void Dispose()
        {
            NativeMemory.AlignedFree(Start);
            Start = null;
        }
    }
}
