using System.Diagnostics;
using System.Text;
using SimdEmbed.Formats;

namespace SimdEmbed.Tests.Support;

/// <summary>
/// One parser under any bytes: it answers with content or an error, without any exception, soon, and in memory that follows from the
/// length. The answer's kind is what tells two inputs apart.
/// </summary>
internal sealed class FuzzTarget(string format)
{
    public static readonly string[] Formats = ["safetensors", "pth", "pickle", "legacy", "npy", "npz"];

    private const int SlowMilliseconds = 1000;
    private const int LongestTensor = 1 << 20;

    /// <summary>Room for the format and the type of one tensor: more would make every combination a kind of its own.</summary>
    private const int LongestKind = 16;

    private readonly LoadOptions _options = new() { MaxBytes = LongestTensor };
    private readonly StringBuilder _kind = new();

    /// <summary>Whether the input was accepted last.</summary>
    public bool IsAccepted { get; private set; }

    /// <summary>Runs the parser and everything behind it that reads; returns the kind of the answer.</summary>
    /// <exception cref="InvalidOperationException">The parser broke a promise.</exception>
    public string Run(byte[] input)
    {
        // On a busy machine a thread may wait for seconds. A parser that is slow is slow each time.
        double milliseconds = Answer(input);
        for (int again = 0; again < 2 && milliseconds > SlowMilliseconds; again++) milliseconds = Math.Min(milliseconds, Answer(input));
        if (milliseconds > SlowMilliseconds) throw new InvalidOperationException($"{input.Length} bytes took {milliseconds:F0} ms");
        return _kind.ToString();
    }

    private double Answer(byte[] input)
    {
        long start = Stopwatch.GetTimestamp();
        long before = GC.GetAllocatedBytesForCurrentThread();
        FormatError error = default;
        _kind.Clear();
        IsAccepted = format == "pickle" ? TryPickle(input, ref error) : TryFile(input, ref error);
        if (!IsAccepted) AddKind(error.ToException("file"));

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        long allowed = format is "pth" or "pickle" or "legacy" ? (32L * input.Length) + (128 << 10) : (8L * input.Length) + (256 << 10);
        if (allocated > allowed) throw new InvalidOperationException($"{input.Length} bytes took {allocated} bytes of memory");
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private bool TryFile(byte[] input, ref FormatError error)
    {
        using FileBytes file = new(input) { MaxBytes = LongestTensor };
        if (!TryOpen(file, out TensorContent? content, ref error)) return false;
        _kind.Append(content.Format).Append(content.Metadata.Count > 0 ? " texts" : "");
        bool isRead = true;
        foreach (TensorInfo tensor in content.Tensors)
        {
            if (_kind.Length < LongestKind) _kind.Append(' ').Append(tensor.Dtype).Append(Math.Min(tensor.Shape.Length, 3)).Append(tensor.View.IsContiguous ? "" : "~");
            if (!content.TryFind(tensor.Name, out _, ref error)) throw new InvalidOperationException($"tensor '{tensor.Name}' is listed and not found");
            isRead = isRead && TryRead(content, tensor, ref error);
            tensor.View.Bytes.Dispose();
        }

        return isRead;
    }

    private bool TryOpen(FileBytes file, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TensorContent? content, ref FormatError error)
    {
        switch (format)
        {
            case "safetensors": return SafetensorsReader.TryOpen(file, out content, ref error);
            case "npy": return NpyReader.TryOpen(file, out content, ref error);
            case "npz": return NpzReader.TryOpen(file, out content, ref error);
            default:
                bool isOpen = PyTorchReader.TryOpen(file, out PyTorchContent? checkpoint, ref error);
                content = checkpoint;
                return isOpen;
        }
    }

    private bool TryRead(TensorContent content, TensorInfo tensor, ref FormatError error)
    {
        if (!tensor.View.Bytes.TryVerify(ref error)) return false;
        if (!tensor.IsTable || tensor.Count > LongestTensor / sizeof(float))
        {
            return tensor.ByteLength > LongestTensor || TensorReader.TryCopy(tensor.View, Stream.Null, ref error);
        }

        if (!TableTensors.TryLoad(content, tensor.Name, tensor.View, _options, out EmbeddingTable? table, ref error)) return false;
        table.Dispose();
        return true;
    }

    private bool TryPickle(byte[] input, ref FormatError error)
    {
        TorchObjects torch = new(null, "", input.Length);
        if (!PickleMachine.TryRun(input, 0, torch, out PickleValue root, ref error)) return false;
        if (!StateDictTensors.TryListAll(root, torch.Allowance, out var tensors, out var settings, ref error)) return false;
        _kind.Append(root.GetType().Name).Append(' ').Append(Math.Min(tensors.Count, 4)).Append(' ').Append(Math.Min(settings.Count, 4));
        foreach ((string name, _) in tensors)
        {
            if (!StateDictTensors.TryFindAny(root, name, out _, ref error)) return false;
        }

        return true;
    }

    /// <summary>The rule, and the message up to where it quotes the input.</summary>
    private void AddKind(TableFormatException error)
    {
        _kind.Append(error.Rule).Append(' ');
        foreach (char c in error.Message.AsSpan("file: ".Length))
        {
            if (c is '\'' or '[' or '(') break;
            if (!char.IsAsciiDigit(c) && c != '-') _kind.Append(c);
        }
    }
}
