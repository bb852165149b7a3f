using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using SimdEmbed.Internals;

namespace SimdEmbed.Formats;

/// <summary>
/// The records of a checkpoint: one pickle that says which tensors there are, and one record of floats for each table. The
/// pickle has what <c>torch.load(weights_only=True)</c> accepts and nothing more: no memo, because nothing is referred to twice.
/// </summary>
internal sealed class PyTorchWriter
{
    /// <summary>Items for one SETITEMS, as Python does it, so that readers' stacks stay short.</summary>
    private const int BatchItems = 1000;

    private const string UsualRoot = "archive";

    private readonly ArrayBufferWriter<byte> _pickle = new();
    private readonly List<TensorSource> _storages = [];

    /// <summary>Checks the names and tables, and writes the pickle, before there is a file.</summary>
    public static PyTorchWriter Of(StateDict tables)
    {
        Dictionary<EmbeddingTable, TensorSource> sources = [];
        List<KeyValuePair<string, TensorSource>> items = new(tables.Count);
        foreach ((string name, EmbeddingTable table) in tables)
        {
            if (!sources.TryGetValue(table, out TensorSource? source)) sources.Add(table, source = TensorSource.Of(name, table));
            items.Add(new(name, source));
        }

        return new PyTorchWriter(items);
    }

    /// <param name="items">Tensors by name; one under several names is stored once.</param>
    public PyTorchWriter(List<KeyValuePair<string, TensorSource>> items)
    {
        Dictionary<TensorSource, int> keys = new(ReferenceEqualityComparer.Instance);
        Put(PickleOpcode.Proto);
        Raw(2);
        OrderedDict();
        int item = 0;
        foreach ((string name, TensorSource source) in items)
        {
            CheckName(name);
            if (!keys.TryGetValue(source, out int key))
            {
                key = keys.Count;
                keys.Add(source, key);
                _storages.Add(source);
            }

            if (item % BatchItems == 0) Put(PickleOpcode.Mark);
            Text(name);
            Tensor(key, source);
            item++;
            if (item % BatchItems == 0 || item == items.Count) Put(PickleOpcode.SetItems);
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
            TensorSource source = _storages[i];
            zip.Add(string.Create(CultureInfo.InvariantCulture, $"{root}/data/{i}"), source.Length, source.Write);
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

    /// <summary><c>_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())</c>.</summary>
    private void Tensor(int key, TensorSource source)
    {
        if (source.Dtype.StorageClass() is not { } storageClass)
        {
            throw new ArgumentException($"tensor '{source.Name}' is {source.Dtype.Name()}, which has no storage class in PyTorch files.");
        }

        Global("torch._utils\n_rebuild_tensor_v2\n"u8);
        Put(PickleOpcode.Mark);
        Put(PickleOpcode.Mark);
        Text("storage");
        Global(Encoding.ASCII.GetBytes($"torch\n{storageClass}\n"));
        Text(key.ToString(CultureInfo.InvariantCulture));
        Text("cpu");
        Integer(source.Length / source.Dtype.ElementBytes());
        Put(PickleOpcode.Tuple);
        Put(PickleOpcode.BinPersId);
        Integer(0);
        Integers(source.Shape);
        Integers(TensorView.Strides(source.Shape));
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

    private void Integers(long[] values)
    {
        if (values.Length == 0)
        {
            Put(PickleOpcode.EmptyTuple);
            return;
        }

        if (values.Length > 3) Put(PickleOpcode.Mark);
        foreach (long value in values) Integer(value);
        Put(values.Length switch
        {
            1 => PickleOpcode.Tuple1,
            2 => PickleOpcode.Tuple2,
            3 => PickleOpcode.Tuple3,
            _ => PickleOpcode.Tuple,
        });
    }

    private void Put(PickleOpcode opcode) => Raw((byte)opcode);

    private void Raw(byte value)
    {
        _pickle.GetSpan(1)[0] = value;
        _pickle.Advance(1);
    }
}
