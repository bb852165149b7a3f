using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary>What <c>inspect --json</c> prints.</summary>
internal sealed record FileReport(string Path, string Format, IReadOnlyList<TensorReport> Tensors, IReadOnlyDictionary<string, string> Metadata);

/// <summary>One tensor. <c>Alignment</c> is the largest power of two up to 64 that divides its offset; null when it is not in the file as it is.</summary>
internal sealed record TensorReport(
    string Name, string Dtype, long[] Shape, long Bytes, long? Offset, int? Alignment, bool CanBeMapped, string? XxHash3, NormReport? Norms);

/// <summary>How long a table's rows are; not-a-number rows are counted apart.</summary>
internal sealed record NormReport(double Min, double P25, double Median, double P75, double Max, long Zeros, long NotNumbers);

/// <summary><c>simdembed inspect</c>: what a file holds, without reading its data.</summary>
internal static class InspectCommand
{
    private const int CacheLine = 64;

    public static Command Create()
    {
        Argument<string> file = FileArguments.File("FILE", "A safetensors, PyTorch or NumPy file.");
        Option<bool> norms = new("--norms") { Description = "Read the tables and show how long their rows are." };
        Option<bool> json = FileArguments.Json();
        Command command = new("inspect", "List the tensors of a file: names, types, shapes, where they lie, and their sums.") { file, norms, json };
        command.SetAction(call => Run(call.GetRequiredValue(file), call.GetValue(norms), call.GetValue(json)));
        return command;
    }

    private static int Run(string path, bool norms, bool json)
    {
        using TableFile file = TableFile.Open(path);
        FileReport report = new(path, file.Format.ToString(), [.. file.Tensors.Select(tensor => Describe(file, tensor, norms))], file.Metadata);
        if (json)
        {
            CliJson.Print(report, CliJson.Default.FileReport);
            return 0;
        }

        using StreamWriter output = new(Console.OpenStandardOutput());
        Print(report, output);
        return 0;
    }

    private static TensorReport Describe(TableFile file, TensorInfo tensor, bool norms)
    {
        int? alignment = null;
        if (tensor.Offset is { } offset) alignment = (int)Math.Min(CacheLine, offset == 0 ? CacheLine : offset & -offset);
        bool canBeMapped = tensor is { IsTable: true, IsRowMajor: true, Dtype: TensorDtype.Float32 };
        return new TensorReport(
            tensor.Name,
            tensor.Dtype.ToString().ToLowerInvariant(),
            tensor.Shape.ToArray(),
            tensor.ByteLength,
            tensor.Offset,
            alignment,
            canBeMapped,
            file.Metadata.GetValueOrDefault($"xxh3.{tensor.Name}"),
            norms && tensor.IsTable ? Norms(file, tensor.Name) : null);
    }

    private static NormReport? Norms(TableFile file, string name)
    {
        using EmbeddingTable table = FileArguments.OpenTable(file, name);
        List<double> norms = new((int)Math.Min(table.RowCount, Array.MaxLength));
        long notNumbers = 0;
        for (long row = 0; row < table.RowCount; row++)
        {
            double sum = 0;
            foreach (float value in table.GetRow(row)) sum += (double)value * value;
            if (double.IsNaN(sum)) notNumbers++;
            else norms.Add(Math.Sqrt(sum));
        }

        if (norms.Count == 0) return new NormReport(0, 0, 0, 0, 0, 0, notNumbers);
        norms.Sort();
        return new NormReport(norms[0], At(0.25), At(0.5), At(0.75), norms[^1], norms.Count(norm => norm == 0), notNumbers);

        double At(double part) => norms[(int)(part * (norms.Count - 1))];
    }

    private static void Print(FileReport report, StreamWriter output)
    {
        output.WriteLine($"{OneLine(report.Path)}: {report.Format}, {report.Tensors.Count} tensors, {report.Tensors.Sum(tensor => tensor.Bytes)} bytes");
        foreach (TensorReport tensor in report.Tensors)
        {
            string name = tensor.Name.Length == 0 ? "(no name)" : OneLine(tensor.Name);
            output.WriteLine($"  {name}  {tensor.Dtype} [{string.Join(", ", tensor.Shape)}]  {tensor.Bytes} bytes{Place(tensor)}");
            if (tensor.XxHash3 != null) output.WriteLine($"    XxHash3 {OneLine(tensor.XxHash3)}");
            if (tensor.Norms is not { } norms) continue;
            output.WriteLine(
                $"    row norms: min {norms.Min:G6}, quartiles {norms.P25:G6} {norms.Median:G6} {norms.P75:G6}, max {norms.Max:G6}; "
                    + $"{norms.Zeros} zero rows, {norms.NotNumbers} not a number");
        }

        foreach ((string key, string value) in report.Metadata)
        {
            if (!key.StartsWith("xxh3.", StringComparison.Ordinal)) output.WriteLine($"  {OneLine(key)} = {OneLine(value)}");
        }
    }

    private static string Place(TensorReport tensor)
    {
        if (tensor.Offset == null) return ", not in the file as it is (compressed, or empty)";
        string speed = !tensor.CanBeMapped ? "" : tensor.Alignment == CacheLine ? ", can be mapped" : ", can be mapped, with slower lookups";
        return $" at {tensor.Offset}, aligned to {tensor.Alignment}{speed}";
    }

    /// <summary>Text of a file must not move the cursor, and long text is not what was asked for.</summary>
    private static string OneLine(string text)
    {
        const int Longest = 120;
        string shown = text.Length > Longest ? text[..Longest] + "..." : text;
        return string.Create(shown.Length, shown, static (line, from) =>
        {
            for (int i = 0; i < line.Length; i++) line[i] = char.IsControl(from[i]) ? '?' : from[i];
        });
    }
}
