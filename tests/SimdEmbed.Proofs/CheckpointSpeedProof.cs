using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.IO.Hashing;
using System.Reflection;
using System.Runtime.InteropServices;
using SimdEmbed.Internals;
using SimdEmbed.Perf;
using SimdEmbed.Tables;
using static SimdEmbed.Proofs.SideBySide;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>checkpoint-speed --rows N</c>: saving a table of 64 columns with Adam's state beside writing and syncing the same bytes plainly, and loading
/// it beside reading and hashing the same bytes plainly, turn about in one run; a delta of 1 % of the rows; the memory all that takes; and what
/// noting written rows costs an Adagrad step.
/// </summary>
internal static unsafe class CheckpointSpeedProof
{
    private const int Dim = 64;
    private const int PieceBytes = 1 << 20;
    private const int Batch = 8192;

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
        Track(rows, isSkewed: true);
        Track(rows, isSkewed: false);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("simdembed-");
        try
        {
            Save(folder.FullName, rows, rounds);
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Save(string folder, int rows, int rounds)
    {
        using Embedding embedding = new(rows, Dim, seed: 1, new EmbeddingOptions { Sparse = true });
        using Adam adam = new(embedding.Weight, new AdamOptions());
        TrainingState state = new(embedding, adam);
        string directory = Path.Combine(folder, "run");
        string plain = Path.Combine(folder, "plain");
        CheckpointSaveOptions full = new() { Keep = 1 };
        CheckpointSaveOptions delta = new() { Keep = 1, MaxDeltas = 1 };
        long bytes = Checkpoint.Save(directory, state, full).Bytes;
        Checkpoint.Load(directory, state, new CheckpointLoadOptions { TrackRows = true });
        List<double> writes = [], saves = [], reads = [], loads = [], deltas = [];
        byte* memory = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
        Write(plain, bytes, embedding.Weight);
        Random random = new(1);
        int[] indices = new int[rows / 100];
        float[] gradient = new float[(long)indices.Length * Dim];
        Array.Fill(gradient, 0.5f);
        long deltaBytes = 0, changed = 0;
        for (int round = 0; round < rounds; round++)
        {
            // Whoever comes second finds a busier disk and fuller caches, so that they take turns.
            bool isPlainFirst = round % 2 == 0;
            if (isPlainFirst) writes.Add(Seconds(() => Write(plain, bytes, embedding.Weight)));
            saves.Add(Seconds(() => Checkpoint.Save(directory, state, full)));
            if (!isPlainFirst) writes.Add(Seconds(() => Write(plain, bytes, embedding.Weight)));
            if (isPlainFirst) reads.Add(Seconds(() => Read(plain, memory, bytes)));
            loads.Add(Seconds(() => Checkpoint.Load(directory, state)));
            if (!isPlainFirst) reads.Add(Seconds(() => Read(plain, memory, bytes)));

            // Distinct rows, wherever they are.
            int start = random.Next(rows);
            for (int i = 0; i < indices.Length; i++) indices[i] = (int)((start + ((long)i * 7919 * 13)) % rows);
            adam.Step<int>(embedding, indices, gradient);
            changed = embedding.Weight.Written!.Count;
            deltas.Add(Seconds(() => deltaBytes = Checkpoint.Save(directory, state, delta).Bytes));
        }

        NativeMemory.Free(memory);
        long peak = Memory(() => Checkpoint.Load(directory, state));
        peak = long.Max(peak, Memory(() => Checkpoint.Compact(directory, full)));
        peak = long.Max(peak, Memory(() => Checkpoint.Save(directory, state, full)));
        adam.Step<int>(embedding, indices, gradient);
        peak = long.Max(peak, Memory(() => Checkpoint.Save(directory, state, delta)));
        Console.WriteLine($"write and sync {Median(writes):F3} s, save {Median(saves):F3} s, ratio {Median(saves) / Median(writes):F2}");
        Console.WriteLine($"read and hash {Median(reads):F3} s, load {Median(loads):F3} s, ratio {Median(loads) / Median(reads):F2}");
        Console.WriteLine($"a delta of {changed} rows {Median(deltas):F4} s and {deltaBytes} bytes, of a full save {Median(deltas) / Median(saves):P1} and {(double)deltaBytes / bytes:P1}");
        Console.WriteLine($"memory beside the tables, at most, of saves, loads and a fold: {peak / (double)(1 << 20):F1} MiB");
        Console.WriteLine($"checkpoint-speed: {rows} x {Dim} with Adam, {bytes} bytes, medians of {rounds}");
    }

    /// <summary>The same steps with rows noted and not, turn about; and the noting alone, in its place before each step.</summary>
    private static void Track(int rows, bool isSkewed)
    {
        const int Rounds = 41;
        const int StepsInRound = 24;
        using Embedding embedding = new(rows, Dim, seed: 1, new EmbeddingOptions { Sparse = true });
        using Adagrad adagrad = new(embedding.Weight, new AdagradOptions());
        int[][] batches = Indices.Create(new Workload("step", WorkloadKind.Step, rows, Dim, Batch) { Skewed = isSkewed });
        long[][] touched = [.. batches.Select(static batch => batch.Select(static row => (long)row).Distinct().Order().ToArray())];
        float[] gradient = new float[Batch * Dim];
        Array.Fill(gradient, 0.5f);
        using WrittenRows written = new(rows);
        PropertyInfo tracker = typeof(EmbeddingTable).GetProperty(nameof(EmbeddingTable.Written), BindingFlags.NonPublic | BindingFlags.Instance)!;
        List<double> with = [], without = [], ratios = [], marks = [];
        for (int round = 0; round < Rounds; round++)
        {
            double[] seconds = new double[2];
            for (int turn = 0; turn < 2; turn++)
            {
                bool isTracked = (turn + round) % 2 == 0;
                tracker.SetValue(embedding.Weight, isTracked ? written : null);
                seconds[isTracked ? 1 : 0] = Seconds(() =>
                {
                    for (int i = 0; i < StepsInRound; i++) adagrad.Step<int>(embedding, batches[i % batches.Length], gradient);
                });
            }

            without.Add(seconds[0] / StepsInRound);
            with.Add(seconds[1] / StepsInRound);
            ratios.Add(seconds[1] / seconds[0]);
            tracker.SetValue(embedding.Weight, null);
            double marking = 0;
            for (int i = 0; i < StepsInRound; i++)
            {
                adagrad.Step<int>(embedding, batches[i % batches.Length], gradient);
                fixed (long* list = touched[i % batches.Length])
                {
                    long start = Stopwatch.GetTimestamp();
                    written.Mark(list, touched[i % batches.Length].Length);
                    marking += Stopwatch.GetElapsedTime(start).TotalSeconds;
                }
            }

            marks.Add(marking / StepsInRound);
        }

        string what = isSkewed ? "skewed" : "uniform";
        Console.WriteLine(
            $"Adagrad step, {Batch} {what} positions, {touched[0].Length} rows: {Median(without) * 1e6:F1} us, with rows noted {Median(with) * 1e6:F1} us, "
                + $"ratio {Median(ratios):F4}; the noting alone {Median(marks) * 1e6:F2} us, {Median(marks) / Median(without):P2}");
    }

    /// <summary>How far the process's memory rises above what it is before a call, as the system counts it.</summary>
    private static long Memory(Action call)
    {
        GC.Collect();
        File.WriteAllText("/proc/self/clear_refs", "5");
        long before = StatusBytes("VmRSS:");
        call();
        return StatusBytes("VmHWM:") - before;
    }

    private static long StatusBytes(string field)
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
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
}
