using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed.Formats;

/// <summary>
/// The records of a checkpoint: one pickle that says which tensors there are, and one record of floats for each table. The
/// pickle has what <c>torch.load(weights_only=True)</c> accepts and nothing more: no memo, because nothing is referred to twice.
/// </summary>
internal sealed unsafe class PyTorchWriter
{
    /// <summary>Items for one SETITEMS, as Python does it, so that readers' stacks stay short.</summary>
    private const int BatchItems = 1000;

    private const string UsualRoot = "archive";

    private readonly ArrayBufferWriter<byte> _pickle = new();
    private readonly List<EmbeddingTable> _storages = [];

    /// <summary>Checks the names and tables, and writes the pickle, before there is a file.</summary>
    public PyTorchWriter(StateDict tables)
    {
        Dictionary<EmbeddingTable, int> keys = [];
        Put(PickleOpcode.Proto);
        Raw(2);
        OrderedDict();
        int item = 0;
        foreach ((string name, EmbeddingTable table) in tables)
        {
            CheckName(name);
            if (table.Codec != RowCodec.Float32) Throw.Argument("tables", $"table '{name}' has {table.Codec} rows; expected Float32.");
            RowView rows = table.OpenRead();
            if (!keys.TryGetValue(table, out int key))
            {
                key = keys.Count;
                keys.Add(table, key);
                _storages.Add(table);
            }

            if (item % BatchItems == 0) Put(PickleOpcode.Mark);
            Text(name);
            Tensor(key, rows);
            item++;
            if (item % BatchItems == 0 || item == tables.Count) Put(PickleOpcode.SetItems);
        }

        Put(PickleOpcode.Stop);
    }

    /// <summary>Writes the archive; the order of the records is PyTorch 2.7's, with the storages by number.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="root">The top folder, in PyTorch the file's name without extension.</param>
    /// <param name="limit32">See <see cref="StoredZipWriter"/>.</param>
    public void Write(Stream stream, string root, long limit32 = uint.MaxValue)
    {
        if (root.Length == 0 || root.AsSpan().ContainsAny('/', '\\') || !UnicodeText.IsValid(root)) root = UsualRoot;
        StoredZipWriter zip = new(stream, limit32);
        zip.Add($"{root}/data.pkl", _pickle.WrittenSpan);
        zip.Add($"{root}/.format_version", "1"u8);
        zip.Add($"{root}/.storage_alignment", Encoding.ASCII.GetBytes(StoredZipWriter.Alignment.ToString(CultureInfo.InvariantCulture)));
        zip.Add($"{root}/byteorder", "little"u8);
        for (int i = 0; i < _storages.Count; i++)
        {
            RowView rows = _storages[i].OpenRead();
            zip.Add(string.Create(CultureInfo.InvariantCulture, $"{root}/data/{i}"), rows.Rows, rows.Count * rows.Stride);
        }

        zip.Add($"{root}/version", "3\n"u8);
        zip.Finish();
    }

    private static void CheckName(string name)
    {
        const int Longest = PickleMachine.LongestKey;
        if (name.Length > Longest) Throw.Argument("tables", $"a name has {name.Length} characters; at most {Longest} are written.");
        if (!UnicodeText.IsValid(name)) Throw.Argument("tables", $"the name '{name}' has half a surrogate pair, which no file can hold.");
    }

    /// <summary><c>_rebuild_tensor_v2(storage, 0, (rows, dim), (dim, 1), False, OrderedDict())</c>.</summary>
    private void Tensor(int key, RowView rows)
    {
        Global("torch._utils\n_rebuild_tensor_v2\n"u8);
        Put(PickleOpcode.Mark);
        Put(PickleOpcode.Mark);
        Text("storage");
        Global("torch\nFloatStorage\n"u8);
        Text(key.ToString(CultureInfo.InvariantCulture));
        Text("cpu");
        Integer(rows.Count * rows.Dim);
        Put(PickleOpcode.Tuple);
        Put(PickleOpcode.BinPersId);
        Integer(0);
        Integer(rows.Count);
        Integer(rows.Dim);
        Put(PickleOpcode.Tuple2);
        Integer(rows.Dim);
        Integer(1);
        Put(PickleOpcode.Tuple2);
        Put(PickleOpcode.NewFalse);
        OrderedDict();
        Put(PickleOpcode.Tuple);
        Put(PickleOpcode.Reduce);
    }

    private void OrderedDict()
    {
        Global("collections\nOrderedDict\n"u8);
        Put(PickleOpcode.EmptyTuple);
        Put(PickleOpcode.Reduce);
    }

    private void Global(ReadOnlySpan<byte> lines)
    {
        Put(PickleOpcode.Global);
        _pickle.Write(lines);
    }

    private void Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Put(PickleOpcode.BinUnicode);
        BinaryPrimitives.WriteInt32LittleEndian(_pickle.GetSpan(4), bytes.Length);
        _pickle.Advance(4);
        _pickle.Write(bytes);
    }

    /// <summary>The shortest form, as Python's own pickler has it; values here are not negative.</summary>
    private void Integer(long value)
    {
        PickleOpcode opcode;
        int bytes;
        switch (value)
        {
            case <= byte.MaxValue: (opcode, bytes) = (PickleOpcode.BinInt1, 1); break;
            case <= ushort.MaxValue: (opcode, bytes) = (PickleOpcode.BinInt2, 2); break;
            case <= int.MaxValue: (opcode, bytes) = (PickleOpcode.BinInt, 4); break;
            default: (opcode, bytes) = (PickleOpcode.Long1, 8); break;
        }

        Put(opcode);
        if (opcode == PickleOpcode.Long1) Raw((byte)bytes);
        for (int i = 0; i < bytes; i++) Raw((byte)(value >> (8 * i)));
    }

    private void Put(PickleOpcode opcode) => Raw((byte)opcode);

    private void Raw(byte value)
    {
        _pickle.GetSpan(1)[0] = value;
        _pickle.Advance(1);
    }
}
