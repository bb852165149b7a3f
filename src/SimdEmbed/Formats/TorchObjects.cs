namespace SimdEmbed.Formats;

/// <summary>What a name on the closed list does when the pickle calls it.</summary>
internal enum TorchFunction
{
    Storage,
    OrderedDict,
    RebuildTensor,
    RebuildTensorV2,
    RebuildTensorV3,
    RebuildParameter,
    Size,
    Device,
    Dtype,
}

/// <summary>
/// The closed list of names a pickle may refer to, and what they build: storages that exist in the archive with the length they
/// claim, and tensors that lie inside their storage. Nothing is read from the storages here.
/// </summary>
/// <param name="zip">The archive; null for a legacy file, whose storages come behind the pickles.</param>
/// <param name="root">The archive's top folder.</param>
/// <param name="fileLength">The length of the file, which no storage exceeds.</param>
internal sealed class TorchObjects(StoredZipReader? zip, string root, long fileLength)
{
    private const int HighestRank = 64;

    /// <summary>Every name a pickle may refer to.</summary>
    private static readonly Dictionary<(string Module, string Name), TorchGlobal> s_globals = AllGlobals();

    private long _claimed;

    /// <summary>The value of a global, or null for everything that is not on the list.</summary>
    public static PickleValue? FindGlobal(string module, string name) => s_globals.GetValueOrDefault((module, name));

    /// <summary>A call of a global: <c>function(*arguments)</c>.</summary>
    public static bool TryReduce(PickleValue function, PickleValue arguments, long offset, out PickleValue result, ref FormatError error)
    {
        result = PickleNone.Instance;
        if (function is not TorchGlobal global)
        {
            return error.Fail("pickle-call", offset, $"the pickle calls {function.Kind}; expected a function");
        }

        if (arguments is not PickleTuple { Items: { } given })
        {
            return error.Fail("pickle-call", offset, $"{global.Kind} is called with {arguments.Kind}; expected a tuple");
        }

        switch (global.Function)
        {
            case TorchFunction.OrderedDict when given is []:
                result = new PickleDict(isOrderedDict: true);
                return true;
            case TorchFunction.Size when given is [PickleTuple size]:
                result = size;
                return true;
            case TorchFunction.Device when given is [PickleString] or [PickleString, PickleInteger]:
                result = PickleDevice.Instance;
                return true;
            case TorchFunction.RebuildTensor when given is [_, _, _, _]:
                return TryTensor(given, null, offset, out result, ref error);
            case TorchFunction.RebuildTensorV2 when given is [_, _, _, _, PickleBool, _] or [_, _, _, _, PickleBool, _, _]:
                return TryMetadata(given, 6, offset, ref error)
                    && TryTensor(given, null, offset, out result, ref error);
            case TorchFunction.RebuildTensorV3 when given.Length is 7 or 8
                && given[4] is PickleBool && given[6] is TorchGlobal { Function: TorchFunction.Dtype } dtype:
                return TryMetadata(given, 7, offset, ref error)
                    && TryTensor(given, dtype.Dtype, offset, out result, ref error);
            case TorchFunction.RebuildParameter when given is [TorchTensor data, PickleBool, PickleDict]:
                result = data;
                return true;
            default:
                return error.Fail("tensor-arguments", offset, $"{global.Kind} is called with {given.Length} arguments that do not fit it");
        }
    }

    /// <summary>What the objects of the file may still take.</summary>
    public Allowance Allowance { get; } = new(fileLength);

    /// <summary>The storages that were referred to, by key.</summary>
    public Dictionary<string, TorchStorage> Storages { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// A persistent id: <c>("storage", class, key, location, numel)</c>, in legacy files with a sixth item for views, unused for long.
    /// </summary>
    public bool TryLoad(PickleValue id, long offset, out PickleValue storage, ref FormatError error)
    {
        storage = PickleNone.Instance;
        if (id is not PickleTuple
            {
                Items:
                [
                    PickleString { Value: "storage" }, TorchGlobal { Function: TorchFunction.Storage, Dtype: { } dtype } type,
                    PickleString { Value: { } key }, PickleString, PickleInteger { Value: var numel }, .. { } view
                ]
            }
            || (zip == null ? view is not ([] or [PickleNone]) : view.Length > 0))
        {
            return error.Fail(
                "storage-id", offset, "a persistent id is not (\"storage\", storage class, key, location, number of elements)");
        }

        if (key.Length == 0 || key.AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            return error.Fail("storage-key", offset, $"a storage has key {FormatError.Quote(key)}; expected digits");
        }

        if (Storages.TryGetValue(key, out TorchStorage? known))
        {
            // PyTorch would quietly read the second use with the first one's type.
            if (known.Dtype != dtype || known.Numel != numel)
            {
                return error.Fail(
                    "storage-dtype",
                    offset,
                    $"storage {FormatError.Quote(key)} is used as {known.Numel} {known.Dtype.Name()} and as {numel} {dtype.Name()}");
            }

            storage = known;
            return true;
        }

        if (!TryCheckLength(key, dtype, numel, offset, out StoredZipEntry? record, ref error)) return false;
        TorchStorage made = new(dtype, (long)numel, record == null ? null : new StoredZipBytes(zip!, record));
        Storages.Add(key, made);
        Allowance.Storages = Storages.Count;
        storage = made;
        return true;
    }

    /// <summary>A record has to be as long as its storage claims; in a legacy file, the file has at least to be longer.</summary>
    private bool TryCheckLength(
        string key, TensorDtype dtype, Int128 numel, long offset, out StoredZipEntry? record, ref FormatError error)
    {
        record = null;
        if (zip == null)
        {
            // Each takes its elements and their count of the file.
            bool fits = numel >= 0 && numel <= fileLength / dtype.ElementBytes();
            if (fits) _claimed += sizeof(long) + ((long)numel * dtype.ElementBytes());
            return (fits && _claimed <= fileLength)
                || error.Fail(
                    "storage-length",
                    offset,
                    $"storage {FormatError.Quote(key)} claims {numel} elements of {dtype.Name()}; the file has {fileLength} bytes");
        }

        if (!zip.TryFind($"{root}/data/{key}", out record))
        {
            return error.Fail("storage-missing", offset, $"there is no record for storage {FormatError.Quote(key)}");
        }

        // Divide, not multiply: a claimed count times its size may be beyond 128 bits.
        return (numel >= 0 && record.Length % dtype.ElementBytes() == 0 && numel == record.Length / dtype.ElementBytes())
            || error.Fail(
                "storage-length",
                offset,
                $"storage {FormatError.Quote(key)} claims {numel} elements of {dtype.Name()}; its record has {record.Length} bytes");
    }

    private static Dictionary<(string Module, string Name), TorchGlobal> AllGlobals()
    {
        Dictionary<(string Module, string Name), TorchGlobal> globals = [];
        Add("collections", "OrderedDict", TorchFunction.OrderedDict);
        Add("torch._utils", "_rebuild_tensor", TorchFunction.RebuildTensor);
        Add("torch._utils", "_rebuild_tensor_v2", TorchFunction.RebuildTensorV2);
        Add("torch._utils", "_rebuild_tensor_v3", TorchFunction.RebuildTensorV3);
        Add("torch._utils", "_rebuild_parameter", TorchFunction.RebuildParameter);
        Add("torch", "Size", TorchFunction.Size);
        Add("torch", "device", TorchFunction.Device);
        Add("torch.storage", "UntypedStorage", TorchFunction.Storage, TensorDtype.UInt8);
        Add("torch.storage", "_UntypedStorage", TorchFunction.Storage, TensorDtype.UInt8);
        for (TensorDtype dtype = 0; TensorDtypes.IsDefined(dtype); dtype++)
        {
            // A storage is counted in elements of whole bytes.
            if (dtype.ElementBytes() > 0) Add("torch", dtype.Name(), TorchFunction.Dtype, dtype);
            if (dtype.StorageClass() is { } storage) Add("torch", storage, TorchFunction.Storage, dtype);
        }

        return globals;

        void Add(string module, string name, TorchFunction function, TensorDtype? dtype = null) =>
            globals.Add((module, name), new TorchGlobal(function, dtype, $"{module}.{name}"));
    }

    /// <summary>Metadata can say that a view is negated or conjugated: values would then not be what lies in the file.</summary>
    private static bool TryMetadata(PickleValue[] given, int position, long offset, ref FormatError error) =>
        given.Length == position
        || given[position] is PickleNone or PickleDict { Count: 0 }
        || error.Fail("tensor-metadata", offset, $"a tensor has metadata ({given[position].Kind}); expected none");

    private static bool TryTensor(PickleValue[] given, TensorDtype? type, long offset, out PickleValue result, ref FormatError error)
    {
        result = PickleNone.Instance;
        if (given is not [TorchStorage storage, PickleInteger start, PickleTuple size, PickleTuple step, ..])
        {
            return error.Fail(
                "tensor-arguments",
                offset,
                $"a tensor is rebuilt from ({given[0].Kind}, {given[1].Kind}, {given[2].Kind}, {given[3].Kind}); "
                    + "expected (storage, int, tuple, tuple)");
        }

        if (size.Items.Length != step.Items.Length || size.Items.Length > HighestRank)
        {
            return error.Fail(
                "tensor-rank",
                offset,
                $"a tensor has {size.Items.Length} sizes and {step.Items.Length} strides; expected as many of each, at most {HighestRank}");
        }

        TensorDtype dtype = type ?? storage.Dtype;
        long[] shape = new long[size.Items.Length];
        long[] stride = new long[shape.Length];
        if (!TryLongs(size, "size", shape, offset, ref error) || !TryLongs(step, "stride", stride, offset, ref error)) return false;
        if (start.Value < 0 || start.Value > long.MaxValue)
        {
            return error.Fail("tensor-bounds", offset, $"a tensor starts at element {start.Value} of its storage");
        }

        long numel = storage.Numel * storage.Dtype.ElementBytes() / dtype.ElementBytes();
        if (!TryCount((long)start.Value, shape, stride, numel, dtype, offset, out long count, ref error)) return false;
        result = new TorchTensor(storage, dtype, (long)start.Value, shape, stride, count);
        return true;
    }

    private static bool TryLongs(PickleTuple tuple, string what, long[] values, long offset, ref FormatError error)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (tuple.Items[i] is not PickleInteger { Value: var value } || value < 0 || value > long.MaxValue)
            {
                string found = tuple.Items[i] is PickleInteger number ? number.Value.ToString() : tuple.Items[i].Kind;
                return error.Fail(
                    "tensor-shape", offset, $"a tensor has {what} {found} in dimension {i}; expected an int of 0 to 2^63 - 1");
            }

            values[i] = (long)value;
        }

        return true;
    }

    /// <summary>Checks that the last element lies in the storage: <c>start + sum((size - 1) * stride) &lt; numel</c>.</summary>
    private static bool TryCount(
        long start, long[] shape, long[] stride, long numel, TensorDtype dtype, long offset, out long count, ref FormatError error)
    {
        count = 0;
        if (shape.AsSpan().Contains(0)) return true;

        // Repeated elements (stride 0) can be more than memory has, but their bytes fit 63 bits.
        long most = long.MaxValue / dtype.ElementBytes();
        Int128 last = start;
        Int128 product = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            // One term fits 126 bits, but 64 of them need not: the sum is looked at after each.
            last += (Int128)(shape[i] - 1) * stride[i];
            product *= shape[i];
            if (last >= numel || product > most) break;
        }

        if (last >= numel || product > most)
        {
            return error.Fail(
                "tensor-bounds",
                offset,
                $"a tensor of shape [{string.Join(", ", shape)}] and stride [{string.Join(", ", stride)}] from element {start} "
                    + $"does not fit its storage of {numel} elements");
        }

        count = (long)product;
        return true;
    }
}
