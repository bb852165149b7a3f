using System.Buffers.Binary;
using System.CommandLine;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using SimdEmbed.Formats;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>linear-time</c>: files made to be slow, of some length and of four times as much: the time may grow by what the length does, and
/// some for caches, never by its square.
/// </summary>
internal static class LinearTimeProof
{
    private const int Factor = 4;

    /// <summary>Between the 4 of what is linear and the 16 of what is quadratic.</summary>
    private const double MostRatio = 9;

    private const int Rounds = 5;

    /// <summary>Another process can take the core away from one size alone; what is not linear is so every time.</summary>
    private const int Attempts = 3;
    private const string OrderedDict = "ccollections\nOrderedDict\n)R";

    /// <summary>By name: what makes a file of about so many bytes.</summary>
    private static readonly (string Name, Func<int, byte[]> Make)[] s_cases =
    [
        ("safetensors, many tensors", static n => Safetensors(Many(n, static i => $"\"t{i}\":{{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[0,0]}},"))),
        ("safetensors, much metadata", static n => Safetensors("\"__metadata__\":{" + Many(n, static i => $"\"k{i}\":\"v\",").TrimEnd(',') + "},")),
        ("safetensors, blanks", static n => Safetensors(new string(' ', n))),
        ("safetensors, one long name", static n => Safetensors($"\"{new string('a', n)}\":{{}},")),
        ("safetensors, open brackets", static n => Safetensors(new string('[', n))),
        ("npy, rows", static n => Npy(n / 16, "(" + (n / 16) + ", 4)", isFortran: false)),
        ("npy, columns first", static n => Npy(n / 16, "(" + (n / 16) + ", 4)", isFortran: true)),
        ("npz, many arrays", static n => Npz(n / 400, 4, CompressionLevel.NoCompression)),
        ("npz, one deflated array", static n => Npz(1, n / 16, CompressionLevel.Optimal)),
        ("pth, many tensors", static n => Checkpoint(n / 300)),
        ("pth, a name of 60 KB in front of each storage", LongRoot),
        ("pth, memo slots that share a remainder", ShareARemainder),
        ("pickle, one value put many times", static n => Pickle("}" + Many(n, static i => $"r{Word(i)}"))),
        ("pickle, many keys", static n => Pickle("}(" + Many(n, static i => $"X\x08\0\0\0{i:x8}N") + "u")),
        ("pickle, one long key again and again", static n => Pickle("}" + $"X\0\x08\0\0{new string('k', 2048)}q\0" + "N" + "s" + Many(n, static _ => "h\0Ns"))),
        ("pickle, lists in lists", static n => Pickle(new string(']', n / 2) + new string('a', n / 2))),
        ("pickle, tuples in tuples", static n => Pickle(")" + new string('\x85', n))),
        ("pickle, marks", static n => Pickle(new string('(', n))),
        ("pickle, values one by one to a list", static n => Pickle("]" + string.Concat(Enumerable.Repeat("Na", n / 2)))),
        ("pickle, dicts that hold each other", static n => Pickle(Many(n, static i => $"}}r{Word(i)}") + "0")),
        ("pickle, a name without an end", static n => Pickle("c" + new string('t', n))),
        ("pickle, one tuple in one list many times", static n => Pickle(")q\0](" + string.Concat(Enumerable.Repeat("h\0", n / 2)) + "e")),
        ("legacy, a pickle longer than every window", static n => Legacy("](" + Many(n, static i => $"J{Word(i)}") + "e")),
    ];

    public static Command Create()
    {
        Option<int> bytes = new("--bytes") { DefaultValueFactory = _ => 1 << 20, Description = "the length of the shorter files" };
        Command command = new("linear-time", "Files made to be slow, and four times as long ones, of every format.") { bytes };
        command.SetAction(call => Run(call.GetValue(bytes)));
        return command;
    }

    private static int Run(int bytes)
    {
        int slow = 0;
        foreach ((string name, Func<int, byte[]> make) in s_cases)
        {
            byte[] shortFile = make(bytes);
            byte[] longFile = make(Factor * bytes);
            for (int attempt = 1; attempt <= Attempts; attempt++)
            {
                (double shorter, string answer) = Time(shortFile);
                (double longer, _) = Time(longFile);

                // What ends at a limit, or at the first byte, takes no longer for a longer file; some of it is too short to be timed.
                double ratio = longer / Math.Max(shorter, 0.05);
                bool isSlow = ratio > MostRatio * longFile.Length / (Factor * (double)shortFile.Length);
                if (isSlow && attempt < Attempts) continue;
                if (isSlow) slow++;
                Console.WriteLine($"{name}: {shorter:F2} ms for {shortFile.Length} bytes, {longer:F2} ms for {longFile.Length}, ratio {ratio:F1}, {answer}{(isSlow ? " - FAILED" : "")}");
                break;
            }
        }

        Console.WriteLine($"linear-time: {s_cases.Length} kinds of files, {slow} of them not linear");
        return slow == 0 ? 0 : 1;
    }

    /// <summary>The shortest time of some, in milliseconds, and the answer.</summary>
    private static (double Milliseconds, string Answer) Time(byte[] file)
    {
        double best = double.MaxValue;
        string answer = "";
        for (int round = 0; round < Rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            answer = Read(file);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return (best, answer);
    }

    /// <summary>Opens a file and reads everything in it; returns what came of it.</summary>
    private static string Read(byte[] bytes)
    {
        try
        {
            using TableFile file = TableFile.Open(bytes);
            GoldenFilesProof.ReadAll(file);
            return $"{file.Tensors.Count} tensors and {file.Metadata.Count} settings";
        }
        catch (TableFormatException e)
        {
            return $"refused by {e.Rule}";
        }
    }

    /// <summary>Pieces until there are so many characters.</summary>
    private static string Many(int length, Func<int, string> piece)
    {
        StringBuilder text = new();
        for (int i = 0; text.Length < length; i++) text.Append(piece(i));

        return text.ToString();
    }

    /// <summary>A little-endian number as four characters of a byte each.</summary>
    private static string Word(long number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)number);
        return Encoding.Latin1.GetString(bytes);
    }

    /// <summary>
    /// Slots that fall into one bucket of a hash table whose hash is the number, in a file that is long enough to be allowed them all.
    /// </summary>
    private static byte[] ShareARemainder(int length)
    {
        int slots = length / 128;
        Dictionary<int, int> table = [];
        for (int i = 0; i < slots; i++) table.Add(i, i);
        StringBuilder pickle = new(OrderedDict);
        for (long i = 1; i <= slots; i++) pickle.Append('r').Append(Word(i * table.Capacity));
        return Archive("archive", pickle.ToString(), storages: 1, length - pickle.Length);
    }

    private static byte[] Safetensors(string entries)
    {
        string header = "{" + entries.TrimEnd(',') + "}";
        return [.. BitConverter.GetBytes((long)header.Length), .. Encoding.Latin1.GetBytes(header)];
    }

    private static byte[] Npy(int rows, string shape, bool isFortran)
    {
        string header = $"{{'descr': '<f4', 'fortran_order': {isFortran}, 'shape': {shape}, }}".PadRight(117) + "\n";
        return [0x93, .. "NUMPY\x01\0"u8, (byte)header.Length, 0, .. Encoding.Latin1.GetBytes(header), .. new byte[rows * 16L]];
    }

    private static byte[] Npz(int arrays, int rows, CompressionLevel level)
    {
        using MemoryStream stream = new();
        using (ZipArchive zip = new(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            byte[] array = Npy(rows, $"({rows}, 4)", isFortran: false);
            new Random(1).NextBytes(array.AsSpan(128));
            for (int i = 0; i < arrays; i++)
            {
                using Stream entry = zip.CreateEntry($"a{i}.npy", level).Open();
                entry.Write(array);
            }
        }

        return stream.ToArray();
    }

    private static byte[] Pickle(string opcodes) => Archive("archive", opcodes, 0);

    /// <summary>A state_dict of small tensors, each in a storage of its own.</summary>
    private static byte[] Checkpoint(int tensors)
    {
        StringBuilder pickle = new(OrderedDict + "(");
        for (int i = 0; i < tensors; i++)
        {
            pickle.Append($"X\x08\0\0\0{i:x8}").Append("ctorch._utils\n_rebuild_tensor_v2\n(").Append(Id(i))
                .Append("QK\0K\x01K\x01\x86K\x01K\x01\x86\x89").Append(OrderedDict).Append("tR");
        }

        return Archive("archive", pickle.Append('u').ToString(), tensors);
    }

    /// <summary>One storage, again and again, in an archive whose names are as long as they can be.</summary>
    private static byte[] LongRoot(int length) =>
        Archive(new string('r', 60_000), $"]({Id(0)}q\x01Q" + string.Concat(Enumerable.Repeat("h\x01Q", length / 3)) + "e", 1);

    private static string Id(int storage)
    {
        string key = storage.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return $"(X\x07\0\0\0storagectorch\nFloatStorage\nX{Word(key.Length)}{key}X\x03\0\0\0cpuK\x01t";
    }

    private static byte[] Archive(string root, string opcodes, int storages, int storageBytes = sizeof(float))
    {
        using MemoryStream stream = new();
        StoredZipWriter zip = new(stream);
        zip.Add(root + "/data.pkl", Encoding.Latin1.GetBytes("\x80\x02" + opcodes + "."));
        for (int i = 0; i < storages; i++) zip.Add($"{root}/data/{i}", new byte[storageBytes]);
        zip.Add(root + "/version", "3\n"u8.ToArray());
        zip.Finish();
        return stream.ToArray();
    }

    private static byte[] Legacy(string opcodes) => Encoding.Latin1.GetBytes(
        "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
            + "\x80\x02M\xe9\x03."
            + "\x80\x02}X\x0d\0\0\0little_endian\x88s."
            + "\x80\x02" + opcodes + "."
            + "\x80\x02].");
}
