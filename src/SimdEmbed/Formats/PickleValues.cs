namespace SimdEmbed.Formats;

/// <summary>A value out of a pickle: plain data, never an object of a class that the file names.</summary>
internal abstract class PickleValue
{
    /// <summary>What it is called in a message.</summary>
    public abstract string Kind { get; }
}

internal sealed class PickleNone : PickleValue
{
    public static readonly PickleNone Instance = new();

    public override string Kind => "None";
}

internal sealed class PickleBool(bool value) : PickleValue
{
    public static readonly PickleBool True = new(true);
    public static readonly PickleBool False = new(false);

    public bool Value { get; } = value;

    public override string Kind => "a bool";
}

internal sealed class PickleInteger(Int128 value) : PickleValue
{
    private static readonly PickleInteger[] s_small = FirstIntegers();

    public Int128 Value { get; } = value;

    public override string Kind => "an int";

    /// <summary>An integer; the small ones, sizes and strides most of all, exist once.</summary>
    public static PickleInteger Of(Int128 value) => value >= 0 && value < s_small.Length ? s_small[(int)value] : new PickleInteger(value);

    private static PickleInteger[] FirstIntegers()
    {
        PickleInteger[] integers = new PickleInteger[256];
        for (int i = 0; i < integers.Length; i++) integers[i] = new PickleInteger(i);
        return integers;
    }

    public override bool Equals(object? obj) => obj is PickleInteger other && other.Value == Value;

    public override int GetHashCode() => Value.GetHashCode();
}

internal sealed class PickleFloat(double value) : PickleValue
{
    public double Value { get; } = value;

    public override string Kind => "a float";
}

internal sealed class PickleString(string value) : PickleValue
{
    // Kept, because a pickle can use one long string as a key any number of times.
    private readonly int _hash = value.GetHashCode(StringComparison.Ordinal);

    public string Value { get; } = value;

    public override string Kind => "a string";

    public override bool Equals(object? obj) => obj is PickleString other && other.Value == Value;

    public override int GetHashCode() => _hash;
}

/// <summary>A byte string; nothing here asks what is in it.</summary>
internal sealed class PickleBytes : PickleValue
{
    public static readonly PickleBytes Instance = new();

    public override string Kind => "bytes";
}

internal sealed class PickleTuple(PickleValue[] items) : PickleValue
{
    public static readonly PickleTuple Empty = new([]);

    public PickleValue[] Items { get; } = items;

    public override string Kind => "a tuple";
}

/// <summary>A list, or a set, whose members are not compared: nothing here looks them up.</summary>
internal sealed class PickleList(bool isSet) : PickleValue
{
    private static readonly List<PickleValue> s_none = [];
    private List<PickleValue>? _items;

    public bool IsSet { get; } = isSet;

    public IReadOnlyList<PickleValue> Items => _items ?? s_none;

    public override string Kind => IsSet ? "a set" : "a list";

    public void Add(PickleValue value) => (_items ??= []).Add(value);
}

/// <summary>A dict in the order of the file. Keys are strings and ints; a key that comes again replaces the value, as in Python.</summary>
internal sealed class PickleDict(bool isOrderedDict) : PickleValue
{
    // Every tensor carries an empty dict of hooks: those must not cost a hash table.
    private OrderedDictionary<PickleValue, PickleValue>? _items;

    public bool IsOrderedDict { get; } = isOrderedDict;

    public int Count => _items?.Count ?? 0;

    public override string Kind => "a dict";

    public KeyValuePair<PickleValue, PickleValue> this[int position] => _items!.GetAt(position);

    public PickleValue? Find(PickleValue key) => _items != null && _items.TryGetValue(key, out PickleValue? value) ? value : null;

    public void Set(PickleValue key, PickleValue value) => (_items ??= [])[key] = value;
}

/// <summary>A <c>torch.device</c>; which one makes no difference here.</summary>
internal sealed class PickleDevice : PickleValue
{
    public static readonly PickleDevice Instance = new();

    public override string Kind => "a torch.device";
}

/// <summary>A name from the closed list of what a pickle may refer to; a <c>torch.dtype</c> is also a value of its own.</summary>
internal sealed class TorchGlobal(TorchFunction function, TensorDtype? dtype, string name) : PickleValue
{
    public TorchFunction Function { get; } = function;

    /// <summary>The element type of a storage class or dtype.</summary>
    public TensorDtype? Dtype { get; } = dtype;

    public override string Kind { get; } = name;
}

/// <summary>A record of raw elements, named by a persistent id.</summary>
internal sealed class TorchStorage(TensorDtype dtype, long numel, TensorBytes? bytes) : PickleValue
{
    public TensorDtype Dtype { get; } = dtype;

    public long Numel { get; } = numel;

    /// <summary>Null while a legacy file is read: there the elements come behind everything that refers to them.</summary>
    public TensorBytes? Bytes { get; set; } = bytes;

    public override string Kind => "a storage";
}

/// <summary>A view of a storage: element <c>i</c> lies at <c>Offset + sum(i[d] * Stride[d])</c>, in elements of <c>Dtype</c>.</summary>
internal sealed class TorchTensor(
    TorchStorage storage, TensorDtype dtype, long offset, long[] shape, long[] stride, long count) : PickleValue
{
    public TorchStorage Storage { get; } = storage;

    public TensorDtype Dtype { get; } = dtype;

    public long Offset { get; } = offset;

    public long[] Shape { get; } = shape;

    public long[] Stride { get; } = stride;

    /// <summary>The number of elements: the product of the shape, which fits 64 bits.</summary>
    public long Count { get; } = count;

    public override string Kind => $"a {Dtype.Name()} tensor of shape [{string.Join(", ", Shape)}]";

    public TensorView ToView() => new(Storage.Bytes!, Dtype, Offset, Shape, Stride, Count);
}
