using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>mapped --renames N</c>: a mapped file that is renamed over under readers, one that is cut, and rows that end where the
/// mapping does.
/// </summary>
internal static unsafe partial class MappedProof
{
    private const int HeaderBytes = 4096;
    private const int WidestDim = 257;
    private const int PageBytes = 4096;

    public static Command Create()
    {
        Option<int> renames = new("--renames") { DefaultValueFactory = _ => 10_000, Description = "how often the file is replaced" };
        Command command = new("mapped", "Mapped tables: files replaced, cut, and read to their last byte.") { renames };
        command.SetAction(call => Run(call.GetValue(renames)));
        return command;
    }

    /// <summary>What <c>mapped</c> starts: <c>mapped-child cut FILE</c> and <c>mapped-child guard FOLDER</c>.</summary>
    public static Command CreateChild()
    {
        Argument<string> what = new("WHAT");
        Argument<string> path = new("PATH");
        Command command = new("mapped-child", "A process that may die.") { what, path };
        command.Hidden = true;
        command.SetAction(call => call.GetValue(what) == "cut" ? ReadOnRequest(call.GetRequiredValue(path)) : ReadToTheEnd(call.GetRequiredValue(path)));
        return command;
    }

    private static int Run(int renames)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("simdembed-");
        try
        {
            bool isRight = Renames(folder.FullName, renames);
            isRight &= Cut(folder.FullName, isCut: false, output => output.ExitCode == 0 && output.Text.Contains("row 9999", StringComparison.Ordinal));

            // SIGBUS: the runtime turns it into an abort (134), native code dies of it (135).
            isRight &= Cut(folder.FullName, isCut: true, output => output.ExitCode is 134 or 135 && !output.Text.Contains("row", StringComparison.Ordinal));
            (int exitCode, string text) = End(Start("guard", folder.FullName));
            Console.Write(text);
            if (exitCode != 0) Console.WriteLine($"FAILED: the child that reads to the end of a mapping ended with {exitCode}");
            isRight &= exitCode == 0;
            Console.WriteLine($"mapped: {(isRight ? "all as promised" : "FAILED")}");
            return isRight ? 0 : 1;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>One thread renames two files over a path in turn; others map it, and must see one of the two as a whole.</summary>
    private static bool Renames(string folder, int renames)
    {
        string path = Path.Combine(folder, "table.npy");
        string[] sources = [Path.Combine(folder, "first.npy"), Path.Combine(folder, "second.npy")];
        Write(sources[0], rows: 257, dim: 16, shift: 0, seed: 1);
        Write(sources[1], rows: 129, dim: 24, shift: 3, seed: 2);
        using EmbeddingTable first = Load(sources[0]);
        using EmbeddingTable second = Load(sources[1]);
        File.Copy(sources[0], path);
        using TableFile file = TableFile.Open(path);
        using EmbeddingTable old = file.MapTable();
        bool isDone = false;
        long wrong = 0;
        long[] seen = new long[2];
        Thread[] readers = new Thread[2];
        for (int i = 0; i < readers.Length; i++)
        {
            readers[i] = new Thread(() =>
            {
                while (!Volatile.Read(ref isDone))
                {
                    using TableFile opened = TableFile.Open(path);
                    using EmbeddingTable mapped = opened.MapTable();
                    bool isFirst = mapped.Dim == first.Dim;
                    Interlocked.Increment(ref seen[isFirst ? 0 : 1]);
                    if (!AreSame(mapped, isFirst ? first : second) || !AreSame(old, first)) Interlocked.Increment(ref wrong);
                }
            });
            readers[i].Start();
        }

        for (int i = 0; i < renames; i++)
        {
            string next = path + ".next";
            File.Copy(sources[(i + 1) % 2], next, overwrite: true);
            File.Move(next, path, overwrite: true);
        }

        Volatile.Write(ref isDone, true);
        foreach (Thread reader in readers) reader.Join();
        Console.WriteLine($"{renames} renames under {readers.Length} readers: {seen[0]} and {seen[1]} tables of the two files, {wrong} wrong");
        return wrong == 0 && seen[0] > 0 && seen[1] > 0;
    }

    private static bool Cut(string folder, bool isCut, Func<(int ExitCode, string Text), bool> isRight)
    {
        string path = Path.Combine(folder, "cut.npy");
        Write(path, rows: 10_000, dim: 64, shift: 0, seed: 3);
        using Process child = Start("cut", path);
        string? ready = child.StandardOutput.ReadLine();
        if (isCut)
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            stream.SetLength(HeaderBytes + (64 * PageBytes));
        }

        child.StandardInput.WriteLine();
        (int ExitCode, string Text) output = End(child);
        bool isFine = ready == "mapped" && isRight(output);
        Console.WriteLine($"a mapped file that is {(isCut ? "cut" : "left alone")}: the process ended with {output.ExitCode}, said '{output.Text.Trim()}'{(isFine ? "" : " - FAILED")}");
        return isFine;
    }

    private static int ReadOnRequest(string path)
    {
        using TableFile file = TableFile.Open(path);
        using EmbeddingTable table = file.MapTable(options: new MapOptions { Prefault = true });
        Console.WriteLine("mapped");
        Console.In.ReadLine();
        Console.WriteLine($"row 9999 starts with {table.GetRow(9999)[0]:R}");
        return 0;
    }

    /// <summary>Tables of every width that end with the last byte of a page, and nothing readable behind it.</summary>
    private static int ReadToTheEnd(string folder)
    {
        const int Rows = PageBytes / sizeof(float);
        string path = Path.Combine(folder, "guard.npy");
        for (int dim = 1; dim <= WidestDim; dim++)
        {
            Write(path, Rows, dim, shift: 0, seed: dim);
            using EmbeddingTable owned = Load(path);
            using TableFile file = TableFile.Open(path);
            Stack<EmbeddingTable> mapped = new();
            long bytes = new FileInfo(path).Length;
            do
            {
                if (mapped.Count == 64) throw new InvalidOperationException("no mapping has nothing behind it");
                MakeHole((nuint)bytes);
                mapped.Push(file.MapTable());
            }
            while (IsReadable((nint)mapped.Peek().OpenRead().Rows - HeaderBytes + (nint)bytes));

            if (!AreSameCalls(owned, mapped.Peek())) throw new InvalidOperationException($"{dim} columns: other bits than in memory of its own");
            while (mapped.TryPop(out EmbeddingTable? table)) table.Dispose();
        }

        Console.WriteLine($"tables of 1 to {WidestDim} columns that end where the mapping does: nothing behind them was read, and all bits are right");
        return 0;
    }

    private static bool AreSameCalls(EmbeddingTable owned, EmbeddingTable mapped)
    {
        int rows = (int)owned.RowCount;
        int[] indices = [.. Enumerable.Range(0, rows).Select(i => rows - 1 - i)];
        float[] expected = new float[rows * owned.Dim];
        float[] actual = new float[expected.Length];
        using Embedding ownedLookup = Embedding.FromPretrained(owned, leaveOpen: true);
        using Embedding mappedLookup = Embedding.FromPretrained(mapped, leaveOpen: true);
        ownedLookup.Forward<int>(indices, expected);
        mappedLookup.Forward<int>(indices, actual);
        bool isSame = Same(expected, actual);
        float[] weights = [.. indices.Select(i => 0.5f + i)];
        foreach (Pooling pooling in Enum.GetValues<Pooling>())
        {
            using EmbeddingBag ownedBag = new(owned, pooling, leaveOpen: true);
            using EmbeddingBag mappedBag = new(mapped, pooling, leaveOpen: true);
            foreach (int length in (int[])[1, 2, 8, rows])
            {
                int outputs = rows / length * owned.Dim;
                ownedBag.Forward(Bags<int>.FixedLength(indices, length), expected.AsSpan(0, outputs));
                mappedBag.Forward(Bags<int>.FixedLength(indices, length), actual.AsSpan(0, outputs));
                isSame &= Same(expected.AsSpan(0, outputs), actual.AsSpan(0, outputs));
                if (pooling == Pooling.Max) continue;
                ownedBag.Forward(Bags<int>.FixedLength(indices, length).WithWeights(weights), expected.AsSpan(0, outputs));
                mappedBag.Forward(Bags<int>.FixedLength(indices, length).WithWeights(weights), actual.AsSpan(0, outputs));
                isSame &= Same(expected.AsSpan(0, outputs), actual.AsSpan(0, outputs));
            }
        }

        return isSame;
    }

    private static bool Same(ReadOnlySpan<float> left, ReadOnlySpan<float> right) =>
        MemoryMarshal.AsBytes(left).SequenceEqual(MemoryMarshal.AsBytes(right));

    private static bool AreSame(EmbeddingTable left, EmbeddingTable right)
    {
        if (left.RowCount != right.RowCount || left.Dim != right.Dim) return false;
        for (long row = 0; row < left.RowCount; row++)
        {
            if (!Same(left.GetRow(row), right.GetRow(row))) return false;
        }

        return true;
    }

    private static EmbeddingTable Load(string path)
    {
        using TableFile file = TableFile.Open(path);
        return file.LoadTable();
    }

    /// <summary>A NumPy file whose rows start <paramref name="shift"/> bytes behind a page border.</summary>
    private static void Write(string path, int rows, int dim, int shift, int seed)
    {
        const int PrefixBytes = 10;
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}".PadRight(HeaderBytes - PrefixBytes - 1 + shift) + "\n";
        float[] values = new float[rows * dim];
        Random random = new(seed);
        for (int i = 0; i < values.Length; i++) values[i] = random.NextSingle() - 0.5f;
        File.WriteAllBytes(path, [0x93, .. "NUMPY\x01\0"u8, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.ASCII.GetBytes(header), .. MemoryMarshal.AsBytes<float>(values)]);
    }

    /// <summary>Room for a mapping of so many bytes with a page behind it that nobody can read.</summary>
    private static void MakeHole(nuint bytes)
    {
        const int PrivateAnonymous = 0x22;
        nuint whole = (bytes + PageBytes - 1) / PageBytes * PageBytes;
        nint start = Map(0, whole + PageBytes, 0, PrivateAnonymous, -1, 0);
        if (start == -1 || Unmap(start, whole) != 0) throw new InvalidOperationException("the system gives no memory");
    }

    /// <summary>Whether the page at an address can be read, as the system lists it.</summary>
    private static bool IsReadable(nint address)
    {
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            string[] range = line[..line.IndexOf(' ')].Split('-');
            bool isInside = nint.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture) <= address
                && address < nint.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (isInside) return line[line.IndexOf(' ') + 1] == 'r';
        }

        return false;
    }

    private static Process Start(string what, string path)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(ChildProgram.Built("SimdEmbed.Proofs"));
        foreach (string argument in (string[])["mapped-child", what, path]) start.ArgumentList.Add(argument);

        // A process that is to die need not leave its memory behind.
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        return Process.Start(start)!;
    }

    private static (int ExitCode, string Text) End(Process child)
    {
        child.ErrorDataReceived += static (_, _) => { };
        child.BeginErrorReadLine();
        string text = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return (child.ExitCode, text);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
