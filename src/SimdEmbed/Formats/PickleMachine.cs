using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using System.Text.Unicode;

namespace SimdEmbed.Formats;

/// <summary>
/// Runs a pickle over a closed list of opcodes. It can build plain containers and, through <see cref="TorchObjects"/>, tensors;
/// it has no way to reach a type or a method that the file names. Every opcode costs the bytes it takes from the file and the
/// items it moves, so the run is linear in the file.
/// </summary>
internal sealed class PickleMachine
{
    /// <summary>Python writes containers in batches of 1000, so that real checkpoints stay far below this.</summary>
    private const int DeepestStack = 1 << 17;

    /// <summary>Bounds what comparing two keys costs; the same limit as for names in other formats.</summary>
    public const int LongestKey = 4096;

    private readonly byte[] _pickle;
    private readonly int _start;
    private readonly long _offset;
    private readonly TorchObjects _torch;
    private readonly List<PickleValue> _stack = [];
    private readonly List<int> _marks = [];
    private readonly PickleMemo _memo = new();
    private FormatError _error;
    private int _position;
    private int _opcodeAt;
    private bool _hasRunOut;

    private PickleMachine(byte[] pickle, int start, long offset, TorchObjects torch)
    {
        _pickle = pickle;
        _start = start;
        _offset = offset;
        _torch = torch;
    }

    private int Fence => _marks.Count == 0 ? 0 : _marks[^1];

    /// <summary>Runs a pickle to its STOP, which must be its last byte.</summary>
    /// <param name="pickle">The pickle.</param>
    /// <param name="offset">Where it starts in the file.</param>
    /// <param name="torch">What it may refer to, and the memory it may take.</param>
    /// <param name="root">The value it makes.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryRun(byte[] pickle, long offset, TorchObjects torch, out PickleValue root, ref FormatError error)
    {
        int end = 0;
        return TryRunNext(pickle, ref end, offset, torch, out root, out _, ref error)
            && (end == pickle.Length || error.Fail("pickle-trailing", offset + end - 1, $"{pickle.Length - end} bytes follow the pickle's STOP"));
    }

    /// <summary>Runs a pickle that starts somewhere in <paramref name="bytes"/>, with others behind it.</summary>
    /// <param name="bytes">A part of a file.</param>
    /// <param name="start">Where the pickle starts in it; afterwards, where it ends.</param>
    /// <param name="offset">Where <paramref name="bytes"/> starts in the file.</param>
    /// <param name="torch">What it may refer to, and the memory it may take.</param>
    /// <param name="root">The value it makes.</param>
    /// <param name="hasRunOut">Whether it failed because the bytes ended.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryRunNext(
        byte[] bytes,
        ref int start,
        long offset,
        TorchObjects torch,
        out PickleValue root,
        out bool hasRunOut,
        ref FormatError error)
    {
        PickleMachine machine = new(bytes, start, offset, torch);
        root = PickleNone.Instance;
        bool isDone = machine.TryRun(ref root);
        hasRunOut = machine._hasRunOut;
        if (isDone) start = machine._position;
        else error = machine._error;
        return isDone;
    }

    private bool TryRun(ref PickleValue root)
    {
        _opcodeAt = _start;
        _hasRunOut = _pickle.Length - _start < 2;
        if (_hasRunOut || _pickle[_start] != (byte)PickleOpcode.Proto || _pickle[_start + 1] is < 2 or > 5)
        {
            return Fail("pickle-protocol", "the pickle does not start with protocol 2, 3, 4 or 5");
        }

        _position = _start + 2;
        while (true)
        {
            _opcodeAt = _position;
            if (_position == _pickle.Length)
            {
                _hasRunOut = true;
                return Fail("pickle-end", "the pickle ends without STOP");
            }

            PickleOpcode opcode = (PickleOpcode)_pickle[_position++];
            if (opcode == PickleOpcode.Stop) break;
            if (!TryStep(opcode)) return false;
        }

        if (_stack.Count != 1 || _marks.Count != 0)
        {
            return Fail("pickle-stack", $"the pickle ends with {_stack.Count} values and {_marks.Count} marks; expected one value");
        }

        root = _stack[0];
        return true;
    }

    private bool TryStep(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Frame:
                return TryUInt(8, out ulong frame)
                    && (frame <= (ulong)(_pickle.Length - _position) || TooLong("a frame", frame));
            case PickleOpcode.Mark:
                if (_marks.Count == DeepestStack) return TooDeep();
                _marks.Add(_stack.Count);
                return Charge(12);

            case PickleOpcode.None: return Push(PickleNone.Instance, 0);
            case PickleOpcode.NewTrue: return Push(PickleBool.True, 0);
            case PickleOpcode.NewFalse: return Push(PickleBool.False, 0);
            case PickleOpcode.BinInt1: return TryUInt(1, out ulong tiny) && PushInteger(tiny);
            case PickleOpcode.BinInt2: return TryUInt(2, out ulong small) && PushInteger(small);
            case PickleOpcode.BinInt: return TryUInt(4, out ulong integer) && PushInteger((int)(uint)integer);
            case PickleOpcode.Long1: return TryPushLong(1);
            case PickleOpcode.Long4: return TryPushLong(4);
            case PickleOpcode.BinFloat:
                return TryTake(8, "a float", out ReadOnlySpan<byte> number)
                    && Push(new PickleFloat(BinaryPrimitives.ReadDoubleBigEndian(number)), 24);

            case PickleOpcode.ShortBinUnicode: return TryPushString(1);
            case PickleOpcode.BinUnicode: return TryPushString(4);
            case PickleOpcode.BinUnicode8: return TryPushString(8);
            case PickleOpcode.ShortBinString: return TryPushString(1);
            case PickleOpcode.ShortBinBytes: return TryPushBytes(1);
            case PickleOpcode.BinBytes: return TryPushBytes(4);
            case PickleOpcode.BinBytes8: return TryPushBytes(8);

            case PickleOpcode.EmptyTuple: return Push(PickleTuple.Empty, 0);
            case PickleOpcode.Tuple1: return TryPushTuple(_stack.Count - 1);
            case PickleOpcode.Tuple2: return TryPushTuple(_stack.Count - 2);
            case PickleOpcode.Tuple3: return TryPushTuple(_stack.Count - 3);
            case PickleOpcode.Tuple: return TryPopMark(out int first) && TryPushTuple(first);

            case PickleOpcode.EmptyList: return Push(new PickleList(isSet: false), 32);
            case PickleOpcode.EmptySet: return Push(new PickleList(isSet: true), 32);
            case PickleOpcode.Append: return TryAppend(_stack.Count - 1, isSet: false);
            case PickleOpcode.Appends: return TryPopMark(out first) && TryAppend(first, isSet: false);
            case PickleOpcode.AddItems: return TryPopMark(out first) && TryAppend(first, isSet: true);

            case PickleOpcode.EmptyDict: return Push(new PickleDict(isOrderedDict: false), 32);
            case PickleOpcode.SetItem: return TrySetItems(_stack.Count - 2);
            case PickleOpcode.SetItems: return TryPopMark(out first) && TrySetItems(first);

            case PickleOpcode.BinPut: return TryUInt(1, out ulong slot) && TryPut((uint)slot);
            case PickleOpcode.LongBinPut: return TryUInt(4, out slot) && TryPut((uint)slot);
            case PickleOpcode.Memoize: return TryPut(_memo.Next);
            case PickleOpcode.BinGet: return TryUInt(1, out slot) && TryGet((uint)slot);
            case PickleOpcode.LongBinGet: return TryUInt(4, out slot) && TryGet((uint)slot);

            case PickleOpcode.Global:
                return TryLine(out string module) && TryLine(out string name) && TryPushGlobal(module, name);
            case PickleOpcode.StackGlobal: return TryStackGlobal();
            case PickleOpcode.Reduce: return TryReduce();
            case PickleOpcode.BinPersId: return TryPersistentId();
            case PickleOpcode.Build: return TryBuild();

            case PickleOpcode.Inst:
                return TryLine(out module) && TryLine(out name)
                    && Fail("pickle-opcode", $"the pickle makes a {FormatError.Quote($"{module}.{name}")} (INST), which is not allowed");
            default:
                string known = Enum.IsDefined(opcode) ? $" ({opcode.ToString().ToUpperInvariant()})" : "";
                return Fail("pickle-opcode", $"the pickle has opcode 0x{(byte)opcode:x2}{known}, which is not allowed");
        }
    }

    private bool TryUInt(int bytes, out ulong value)
    {
        value = 0;
        if (!TryTake((ulong)bytes, "a number", out ReadOnlySpan<byte> field)) return false;
        for (int i = bytes - 1; i >= 0; i--) value = (value << 8) | field[i];
        return true;
    }

    private bool TryTake(ulong bytes, string what, out ReadOnlySpan<byte> taken)
    {
        taken = default;
        if (bytes > (ulong)(_pickle.Length - _position)) return TooLong(what, bytes);
        taken = _pickle.AsSpan(_position, (int)bytes);
        _position += (int)bytes;
        return true;
    }

    /// <summary>One line of a GLOBAL or INST.</summary>
    private bool TryLine(out string line)
    {
        line = "";
        int length = _pickle.AsSpan(_position).IndexOf((byte)'\n');
        if (length < 0)
        {
            _hasRunOut = true;
            return Fail("pickle-length", "a name in the pickle has no end");
        }

        if (!TryTake((ulong)length, "a name", out ReadOnlySpan<byte> bytes) || !TryText(bytes, out line)) return false;
        _position++;
        return true;
    }

    private bool TryText(ReadOnlySpan<byte> bytes, out string text)
    {
        text = "";
        if (!Charge(40 + (2L * bytes.Length))) return false;
        if (!Utf8.IsValid(bytes)) return Fail("pickle-utf8", "a string in the pickle is not UTF-8");
        text = Encoding.UTF8.GetString(bytes);
        return true;
    }

    private bool TryPushString(int lengthBytes) =>
        TryUInt(lengthBytes, out ulong length)
        && TryTake(length, "a string", out ReadOnlySpan<byte> bytes)
        && TryText(bytes, out string text)
        && Push(new PickleString(text), 32);

    private bool TryPushBytes(int lengthBytes) =>
        TryUInt(lengthBytes, out ulong length)
        && TryTake(length, "a byte string", out _)
        && Push(PickleBytes.Instance, 0);

    private bool TryPushLong(int lengthBytes)
    {
        const int Longest = 16;
        if (!TryUInt(lengthBytes, out ulong length)) return false;
        if (length > Longest) return Fail("pickle-integer", $"an integer in the pickle has {length} bytes; at most {Longest} are read");
        return TryTake(length, "an integer", out ReadOnlySpan<byte> bytes) && PushInteger((Int128)new BigInteger(bytes));
    }

    private bool PushInteger(Int128 value) => Push(PickleInteger.Of(value), 32);

    private bool Push(PickleValue value, int bytes)
    {
        if (_stack.Count == DeepestStack) return TooDeep();
        if (_stack.Count == _stack.Capacity && !Charge(16L * Math.Max(_stack.Capacity, 4))) return false;
        _stack.Add(value);
        return Charge(bytes);
    }

    private bool TryPop(out PickleValue value)
    {
        value = PickleNone.Instance;
        if (_stack.Count <= Fence) return Underflow();
        value = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return true;
    }

    private bool TryPopMark(out int first)
    {
        first = 0;
        if (_marks.Count == 0) return Fail("pickle-stack", "the pickle closes a group that it did not open");
        first = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return true;
    }

    /// <summary>Packs the values from <paramref name="first"/> to the top of the stack.</summary>
    private bool TryPushTuple(int first)
    {
        if (first < Fence) return Underflow();
        int count = _stack.Count - first;
        if (!Charge(48 + (8L * count))) return false;
        PickleValue[] items = new PickleValue[count];
        _stack.CopyTo(first, items, 0, count);
        _stack.RemoveRange(first, count);
        return Push(new PickleTuple(items), 0);
    }

    private bool TryAppend(int first, bool isSet)
    {
        if (first - 1 < Fence) return Underflow();
        if (_stack[first - 1] is not PickleList list || list.IsSet != isSet)
        {
            return Fail("pickle-type", $"the pickle appends to {_stack[first - 1].Kind}; expected a {(isSet ? "set" : "list")}");
        }

        int count = _stack.Count - first;
        const int ListBytes = 64;
        if (!Charge((list.Items.Count == 0 ? ListBytes : 0) + (24L * count))) return false;
        for (int i = first; i < _stack.Count; i++) list.Add(_stack[i]);
        _stack.RemoveRange(first, count);
        return true;
    }

    private bool TrySetItems(int first)
    {
        if (first - 1 < Fence) return Underflow();
        int count = _stack.Count - first;
        const int HashTableBytes = 256;
        if (count % 2 != 0) return Fail("pickle-stack", "the pickle sets a dict key without a value");
        if (_stack[first - 1] is not PickleDict dict)
        {
            return Fail("pickle-type", $"the pickle sets items of {_stack[first - 1].Kind}; expected a dict");
        }

        if (!Charge((dict.Count == 0 ? HashTableBytes : 0) + (42L * count))) return false;
        for (int i = first; i < _stack.Count; i += 2)
        {
            if (_stack[i] is not (PickleString or PickleInteger))
            {
                return Fail("pickle-key", $"a dict key in the pickle is {_stack[i].Kind}; expected a string or an int");
            }

            if (_stack[i] is PickleString { Value.Length: > LongestKey })
            {
                return Fail("pickle-key", $"a dict key in the pickle is longer than {LongestKey} characters");
            }

            dict.Set(_stack[i], _stack[i + 1]);
        }

        _stack.RemoveRange(first, count);
        return true;
    }

    private bool TryPut(uint slot)
    {
        if (_stack.Count <= Fence) return Underflow();
        if (!Charge(_memo.BytesOf(slot))) return false;
        _memo.Set(slot, _stack[^1]);
        return true;
    }

    private bool TryGet(uint slot) => _memo.Find(slot) is { } value
        ? Push(value, 0)
        : Fail("pickle-memo", $"the pickle reads memo slot {slot}, which is not set");

    private bool TryStackGlobal()
    {
        if (!TryPop(out PickleValue name) || !TryPop(out PickleValue module)) return false;
        return module is PickleString m && name is PickleString n
            ? TryPushGlobal(m.Value, n.Value)
            : Fail("pickle-type", $"the pickle names {module.Kind} and {name.Kind} as a global; expected two strings");
    }

    private bool TryPushGlobal(string module, string name)
    {
        PickleValue? global = TorchObjects.FindGlobal(module, name);
        return global != null
            ? Push(global, 0)
            : Fail(
                "pickle-global",
                $"the pickle refers to {FormatError.Quote($"{module}.{name}")}, which no table file needs; nothing was run");
    }

    private bool TryReduce() =>
        TryPop(out PickleValue arguments)
        && TryPop(out PickleValue function)
        && TorchObjects.TryReduce(function, arguments, _offset + _opcodeAt, out PickleValue result, ref _error)
        && Push(result, result is TorchTensor tensor ? 120 + (16 * tensor.Shape.Length) : 32);

    private bool TryPersistentId() =>
        TryPop(out PickleValue id)
        && _torch.TryLoad(id, _offset + _opcodeAt, out PickleValue storage, ref _error)
        && Push(storage, 0);

    /// <summary>A state_dict carries the versions of its modules as an attribute, <c>_metadata</c>; it is left out.</summary>
    private bool TryBuild()
    {
        if (!TryPop(out PickleValue state)) return false;
        if (_stack.Count <= Fence) return Underflow();
        return (_stack[^1] is PickleDict { IsOrderedDict: true } && state is PickleDict)
            || Fail("pickle-build", $"the pickle gives {state.Kind} as state to {_stack[^1].Kind}; only an OrderedDict may have state");
    }

    private bool Charge(long bytes) => _torch.Allowance.TrySpend(bytes)
        || Fail("pickle-memory", "the pickle makes more objects than a file of this length may");

    private bool TooLong(string what, ulong bytes)
    {
        _hasRunOut = true;
        return Fail("pickle-length", $"{what} in the pickle claims {bytes} bytes; {_pickle.Length - _position} are left");
    }

    private bool TooDeep() => Fail("pickle-depth", $"the pickle has more than {DeepestStack} values open");

    private bool Underflow() => Fail("pickle-stack", "the pickle takes a value from an empty stack");

    private bool Fail(string rule, string message) => _error.Fail(rule, _offset + _opcodeAt, message);
}
