using System.CommandLine;
using System.Diagnostics;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using SimdEmbed.Internals;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>checkpoint-speed --rows N</c>: saving a table of 64 columns with Adam's state beside writing and syncing the same bytes plainly, and loading
/// it beside reading and hashing the same bytes plainly, turn about in one run.
/// </summary>
internal static unsafe class CheckpointSpeedProof
{
    private const int Dim = 64;
    private const int PieceBytes = 1 << 20;

    public static Command Create()
    {
        Option<int> rows = new("--rows") { DefaultValueFactory = _ => 1_000_000, Description = "the table's rows" };
        Option<int> rounds = new("--rounds") { DefaultValueFactory = _ => 5, Description = "how often; the median counts" };
        Command command = new("checkpoint-speed", "A checkpoint saved and loaded beside a plain file of as many bytes.") { rows, rounds };
        command.SetAction(call => Run(call.GetValue(rows), call.GetValue(rounds)));
        return command;
    }

    private static int Run(int rows, int rounds)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("simdembed-");
        try
        {
            using Embedding embedding = new(rows, Dim, seed: 1, new EmbeddingOptions { Sparse = true });
            using Adam adam = new(embedding.Weight, new AdamOptions());
            TrainingState state = new(embedding, adam);
            string directory = Path.Combine(folder.FullName, "run");
            string plain = Path.Combine(folder.FullName, "plain");
            long bytes = Checkpoint.Save(directory, state, new CheckpointSaveOptions { Keep = 1 }).Bytes;
            List<double> writes = [], saves = [], reads = [], loads = [];
            byte* memory = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
            Write(plain, bytes, embedding.Weight);
            for (int round = 0; round < rounds; round++)
            {
                // Whoever comes second finds a busier disk and fuller caches, so that they take turns.
                bool isPlainFirst = round % 2 == 0;
                if (isPlainFirst) writes.Add(Seconds(() => Write(plain, bytes, embedding.Weight)));
                saves.Add(Seconds(() => Checkpoint.Save(directory, state, new CheckpointSaveOptions { Keep = 1 })));
                if (!isPlainFirst) writes.Add(Seconds(() => Write(plain, bytes, embedding.Weight)));
                if (isPlainFirst) reads.Add(Seconds(() => Read(plain, memory, bytes)));
                loads.Add(Seconds(() => Checkpoint.Load(directory, state)));
                if (!isPlainFirst) reads.Add(Seconds(() => Read(plain, memory, bytes)));
            }

            NativeMemory.Free(memory);

            Console.WriteLine($"write and sync {Median(writes):F3} s, save {Median(saves):F3} s, ratio {Median(saves) / Median(writes):F2}");
            Console.WriteLine($"read and hash {Median(reads):F3} s, load {Median(loads):F3} s, ratio {Median(loads) / Median(reads):F2}");
            Console.WriteLine($"checkpoint-speed: {rows} x {Dim} with Adam, {bytes} bytes, medians of {rounds}");
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>What any program does: write memory in pieces over a file of last time, and sync.</summary>
    private static void Write(string path, long bytes, EmbeddingTable source)
    {
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.None, 0);
        byte* start = source.OpenRead().Rows;
        long available = source.RowCount * Dim * sizeof(float);
        for (long done = 0; done < bytes; done += PieceBytes)
        {
            int count = (int)long.Min(PieceBytes, bytes - done);
            file.Write(new ReadOnlySpan<byte>(start + (done % long.Max(available - PieceBytes, 1)), count));
        }

        Durability.Sync(file.SafeFileHandle, path);
        GC.KeepAlive(source);
    }

    /// <summary>All bytes into memory that is there, as the tables are, and their hash.</summary>
    private static void Read(string path, byte* memory, long bytes)
    {
        XxHash3 hash = new();
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0);
        for (long done = 0; done < bytes; done += PieceBytes)
        {
            Span<byte> piece = new(memory + done, (int)long.Min(PieceBytes, bytes - done));
            file.ReadExactly(piece);
            hash.Append(piece);
        }
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
