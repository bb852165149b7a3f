using System.CommandLine;
using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;
using static SimdEmbed.Proofs.SideBySide;

namespace SimdEmbed.Proofs;

/// <summary><c>convert-speed</c>: how long a large table takes to become compact, beside how long it takes to read it.</summary>
internal static unsafe class ConvertSpeedProof
{
    private const double Most = 1.5;

    public static Command Create()
    {
        Option<long> rows = new("--rows") { DefaultValueFactory = _ => 10_000_000 };
        Option<int> dim = new("--dim") { DefaultValueFactory = _ => 64 };
        Option<RowCodec> codec = new("--codec") { DefaultValueFactory = _ => RowCodec.Int8 };
        Option<int> samples = new("--samples") { DefaultValueFactory = _ => 7, Description = "how many of each, alternating" };
        Option<string?> folder = new("--folder") { Description = "where the table's file is put; the folder for temporary files if not given" };
        Command command = new("convert-speed", "A table becomes compact within 1.5x of the time it takes to load it.") { rows, dim, codec, samples, folder };
        command.SetAction(call => Run(
            call.GetValue(rows), call.GetValue(dim), call.GetValue(codec), call.GetValue(samples), call.GetValue(folder) ?? Path.GetTempPath()));
        return command;
    }

    private static int Run(long rows, int dim, RowCodec codec, int samples, string folder)
    {
        int degree = Environment.ProcessorCount;
        string path = Path.Combine(folder, $"simdembed-convert-{Environment.ProcessId}.safetensors");
        using EmbeddingTable table = NewTable(rows, dim);
        try
        {
            SafetensorsWriter writer = new() { IncludeHashes = false };
            writer.Add("w", table);
            writer.Save(path);
            using TableFile file = TableFile.Open(path);

            // Once to warm up, and to have the file in the page cache.
            Seconds(() => file.LoadTable("w").Dispose());
            Seconds(() => table.ConvertTo(codec, degree).Dispose());
            double[] converts = new double[samples], converts1 = new double[samples], loads = new double[samples], sweeps = new double[samples], sweeps1 = new double[samples];
            for (int i = 0; i < samples; i++)
            {
                loads[i] = Seconds(() => file.LoadTable("w").Dispose());
                converts[i] = Seconds(() => table.ConvertTo(codec, degree).Dispose());
                sweeps[i] = Seconds(() => Sweep(table, degree));
                converts1[i] = Seconds(() => table.ConvertTo(codec).Dispose());
                sweeps1[i] = Seconds(() => Sweep(table, 1));
            }

            double ratio = Median(converts.Zip(loads, (convert, load) => convert / load));
            double alone = Median(converts1.Zip(loads, (convert, load) => convert / load));
            Console.WriteLine($"{rows} x {dim} to {codec}: load {Median(loads):F3} s; convert {Median(converts):F3} s on {degree} threads, {Median(converts1):F3} s on one");
            Console.WriteLine($"one sum over the floats in memory {Median(sweeps):F3} s on {degree} threads, {Median(sweeps1):F3} s on one; convert takes {Median(converts.Zip(sweeps, (a, b) => a / b)):F2}x and {Median(converts1.Zip(sweeps1, (a, b) => a / b)):F2}x of it");
            Console.WriteLine($"convert-speed: {ratio:F2}x of the time to load it on {degree} threads, {alone:F2}x on one; goal of {Most}x {(ratio <= Most ? "met" : "not met")}, medians of {samples}");
            return ratio <= Most ? 0 : 1;
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Rows that differ, made faster than by random numbers for each.</summary>
    private static EmbeddingTable NewTable(long rows, int dim)
    {
        const int Distinct = 4096;
        using EmbeddingTable some = EmbeddingTable.Create(Distinct, dim, Initializer.Normal(1));
        EmbeddingTable table = new(rows, dim);
        for (long row = 0; row < rows; row++) table.SetRow(row, some.GetRow((row * 2654435761) & (Distinct - 1)));
        return table;
    }

    /// <summary>Reads every float once, as fast as memory gives them.</summary>
    private static void Sweep(EmbeddingTable table, int degree)
    {
        RowView rows = table.OpenRead();
        nint floats = (nint)rows.Count * rows.Dim;
        nint start = (nint)rows.Rows;
        float[] sums = new float[degree];
        Parallel.For(0, degree, part =>
        {
            float* first = (float*)start + (floats / degree * part);
            float* end = part == degree - 1 ? (float*)start + floats : first + (floats / degree);
            Vector<float> a = default, b = default, c = default, d = default;
            for (nint width = Vector<float>.Count; first <= end - (4 * width); first += 4 * width)
            {
                a += Unsafe.ReadUnaligned<Vector<float>>(first);
                b += Unsafe.ReadUnaligned<Vector<float>>(first + width);
                c += Unsafe.ReadUnaligned<Vector<float>>(first + (2 * width));
                d += Unsafe.ReadUnaligned<Vector<float>>(first + (3 * width));
            }

            sums[part] = Vector.Sum(a + b + c + d);
        });
        if (float.IsNaN(sums.Sum())) throw new InvalidOperationException("the table has what it was not given");
        GC.KeepAlive(table);
    }
}
