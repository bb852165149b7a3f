using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace SimdEmbed.Formats;

/// <summary>What an open file holds: the same for every format once its parser has gone through it.</summary>
internal class TensorContent
{
    private const int NamesInMessage = 8;

    private readonly Dictionary<string, TensorInfo> _byName;
    private readonly HashSet<string> _charged = new(StringComparer.Ordinal);
    private long _budget = long.MaxValue;

    public TensorContent(TableFileFormat format, List<TensorInfo> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        Format = format;
        Tensors = tensors;
        Metadata = metadata ?? FrozenDictionary<string, string>.Empty;
        _byName = new(tensors.Count, StringComparer.Ordinal);
        foreach (TensorInfo tensor in tensors) _byName.TryAdd(tensor.Name, tensor);
    }

    public TableFileFormat Format { get; }

    public List<TensorInfo> Tensors { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The bytes that tensors may have together, in a format where they can have more than the file: views repeat elements.</summary>
    public long ElementBudget
    {
        init => _budget = value;
    }

    /// <summary>Recognises a format by its first bytes and reads what the file says of its tensors.</summary>
    public static bool TryOpen(FileBytes file, [NotNullWhen(true)] out TensorContent? content, ref FormatError error)
    {
        content = null;
        Span<byte> head = stackalloc byte[PyTorchReader.HeadBytes];
        head = head[..(int)Math.Min(head.Length, file.Length)];
        if (head.IsEmpty) return error.Fail("file-empty", 0, "the file is empty");
        if (!file.TryRead(0, head, ref error)) return false;
        if (NpyReader.IsNpy(head)) return NpyReader.TryOpen(file, out content, ref error);
        if (head.StartsWith("PK"u8))
        {
            if (!NpzReader.TryRecognise(file, out bool isNpz, ref error)) return false;
            return isNpz ? NpzReader.TryOpen(file, out content, ref error) : TryOpenPyTorch(file, out content, ref error);
        }

        if (head.Length > SafetensorsReader.LengthBytes && head[SafetensorsReader.LengthBytes] == (byte)'{')
        {
            return SafetensorsReader.TryOpen(file, out content, ref error);
        }

        if (PyTorchReader.IsTar(head) || head[0] == (byte)PickleOpcode.Proto) return TryOpenPyTorch(file, out content, ref error);
        return error.Fail(
            "format-unknown",
            0,
            "is of no format that is read: it starts like neither safetensors (a length and '{'), nor PyTorch (a zip or a pickle), nor NumPy");
    }

    private static bool TryOpenPyTorch(FileBytes file, [NotNullWhen(true)] out TensorContent? content, ref FormatError error)
    {
        bool isRead = PyTorchReader.TryOpen(file, out PyTorchContent? checkpoint, ref error);
        content = checkpoint;
        return isRead;
    }

    public virtual bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor, ref FormatError error) =>
        _byName.TryGetValue(name, out tensor)
        || error.Fail("tensor-name", -1, $"there is no tensor {FormatError.Quote(name)}; {NamesOf(Tensors, "tensors")}");

    public bool TryFindOnlyTable([NotNullWhen(true)] out TensorInfo? table, ref FormatError error)
    {
        List<TensorInfo> tables = Tensors.FindAll(static tensor => tensor.IsTable);
        table = tables.Count == 1 ? tables[0] : null;
        if (table != null) return true;
        return tables.Count == 0
            ? error.Fail("table-none", -1, $"there is no table (a matrix of floats); {NamesOf(Tensors, "tensors")}")
            : error.Fail("table-many", -1, $"there is more than one table, so one has to be named; {NamesOf(tables, "tables")}");
    }

    /// <summary>Whether a tensor may be given so many bytes of memory: to be asked before that is done. Its own bytes are charged, once.</summary>
    public bool TryReserve(string name, TensorView tensor, long bytes, LoadOptions options, ref FormatError error)
    {
        if (bytes > options.MaxBytes)
        {
            return error.Fail(
                "max-bytes",
                tensor.Place,
                $"a tensor of shape {tensor.ShapeText} needs {bytes} bytes; LoadOptions.MaxBytes allows {options.MaxBytes}");
        }

        if (_charged.Contains(name)) return true;
        if (tensor.ByteLength > _budget)
        {
            return error.Fail(
                "tensor-memory",
                tensor.Place,
                $"a tensor of shape {tensor.ShapeText} has {tensor.Count} elements, more than a file of this length may expand to");
        }

        _budget -= tensor.ByteLength;
        _charged.Add(name);
        return true;
    }

    private static string NamesOf(List<TensorInfo> tensors, string what)
    {
        if (tensors.Count == 0) return $"there are no {what}";
        string[] names = new string[Math.Min(tensors.Count, NamesInMessage)];
        for (int i = 0; i < names.Length; i++) names[i] = FormatError.Quote(tensors[i].Name);
        string rest = tensors.Count > names.Length ? $" and {tensors.Count - names.Length} more" : "";
        return $"the {what} are {string.Join(", ", names)}{rest}";
    }
}
