using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace SimdEmbed.Formats;

/// <summary>Names for what stands in dicts and lists inside each other: keys and places joined by dots.</summary>
internal static class StateDictTensors
{
    private const int DeepestDict = 64;
    private const int KeysInMessage = 8;

    /// <summary>The characters that finding one name may go over.</summary>
    private const long MostWork = 1 << 22;

    /// <summary>What a setting or a container costs beside its name, and what a tensor does with its place in every list.</summary>
    private const int BytesPerEntry = 100;
    private const int BytesPerTensor = 300;

    /// <summary>Numbers in longer lists are data, not settings; an optimizer's <c>betas</c> are two.</summary>
    private const int LongestListOfSettings = 16;

    /// <summary>Lists the tensors in the dicts, in the order of the file.</summary>
    public static bool TryList(PickleValue root, Allowance allowance, out List<KeyValuePair<string, TorchTensor>> tensors, ref FormatError error)
    {
        tensors = [];
        return root is PickleDict
            ? TryWalk(root, allowance, intoLists: false, tensors, null, ref error)
            : NotADict(root, ref error);
    }

    /// <summary>Lists the tensors in dicts and lists, and the numbers and strings beside them; of a bare value, that value without a name.</summary>
    public static bool TryListAll(
        PickleValue root,
        Allowance allowance,
        out List<KeyValuePair<string, TorchTensor>> tensors,
        out Dictionary<string, string> settings,
        ref FormatError error)
    {
        tensors = [];
        settings = new(StringComparer.Ordinal);
        if (Count(root) >= 0) return TryWalk(root, allowance, intoLists: true, tensors, settings, ref error);
        if (root is TorchTensor tensor) tensors.Add(new("", tensor));
        else if (SettingText(root) is { } text) settings.Add("", text);
        return true;
    }

    /// <summary>
    /// A container that is reachable twice is gone through once: references can double at every level, and can lead back to where
    /// they came from.
    /// </summary>
    private static bool TryWalk(
        PickleValue root,
        Allowance allowance,
        bool intoLists,
        List<KeyValuePair<string, TorchTensor>> tensors,
        Dictionary<string, string>? settings,
        ref FormatError error)
    {
        HashSet<PickleValue> seen = new(ReferenceEqualityComparer.Instance) { root };
        Stack<(PickleValue Container, string Prefix, int Next)> open = new();
        open.Push((root, "", 0));
        while (open.TryPop(out (PickleValue Container, string Prefix, int Next) at))
        {
            int count = Count(at.Container);
            if (at.Next == count) continue;
            open.Push((at.Container, at.Prefix, at.Next + 1));
            PickleValue value = ItemOf(at.Container, at.Next);
            bool isContainer = value is PickleDict || (intoLists && Count(value) >= 0);
            if (isContainer ? !seen.Add(value) : value is not TorchTensor && settings == null) continue;
            if (value is not TorchTensor && !isContainer)
            {
                bool isShort = at.Container is PickleDict || count <= LongestListOfSettings;
                if (isShort && SettingText(value) is { } text)
                {
                    string setting = at.Prefix + KeyText(at.Container, at.Next);
                    if (!allowance.TrySpend(BytesPerEntry + (2L * (setting.Length + text.Length)))) return TooMuch(ref error);
                    settings![setting] = text;
                }

                continue;
            }

            string name = at.Prefix + KeyText(at.Container, at.Next);

            // Names repeat the names of the dicts around them, and one tensor can have many: a short file could ask for much.
            if (!allowance.TrySpend((value is TorchTensor ? BytesPerTensor : BytesPerEntry) + (2L * name.Length))) return TooMuch(ref error);
            if (value is TorchTensor tensor)
            {
                tensors.Add(new(name, tensor));
                continue;
            }

            if (open.Count == DeepestDict)
            {
                return error.Fail("dict-depth", -1, $"the file has more than {DeepestDict} dicts inside each other");
            }

            open.Push((value, name + ".", 0));
        }

        return true;
    }

    /// <summary>Finds a tensor in the dicts by its name.</summary>
    public static bool TryFind(PickleValue root, string name, [NotNullWhen(true)] out TorchTensor? tensor, ref FormatError error)
    {
        tensor = null;
        return root is PickleDict ? TryFindAny(root, name, out tensor, ref error) : NotADict(root, ref error);
    }

    /// <summary>Finds a tensor in dicts and lists by its name; a bare tensor has the empty one.</summary>
    public static bool TryFindAny(PickleValue root, string name, [NotNullWhen(true)] out TorchTensor? tensor, ref FormatError error)
    {
        long work = MostWork;
        PickleValue? found = Count(root) >= 0 ? Find(root, name, 0, 0, [], ref work) : name.Length == 0 ? root : null;
        tensor = found as TorchTensor;
        if (tensor != null) return true;
        return found == null
            ? error.Fail("dict-key", -1, $"there is no tensor {FormatError.Quote(name)}; {KeysOf(root)}")
            : error.Fail("dict-key", -1, $"{FormatError.Quote(name)} is {found.Kind}; expected a tensor");
    }

    /// <summary>
    /// The longest key first, so that a literal key wins over a path. A dict is tried once at each place in the name, and one that
    /// leads back to itself does not make the recursion as deep as the name has dots. A name of nothing but dots could still be cut
    /// in millions of ways, so that the search ends at some point.
    /// </summary>
    private static PickleValue? Find(PickleValue container, string name, int start, int depth, HashSet<(PickleValue Container, int Start)> tried, ref long work)
    {
        if (depth > DeepestDict || !tried.Add((container, start))) return null;
        for (int end = name.Length; end >= start; end = name.LastIndexOf('.', end - 1, end - start))
        {
            work -= end - start;
            if (work < 0) return null;
            if (end - start <= PickleMachine.LongestKey && FindKey(container, name[start..end]) is { } value)
            {
                if (end == name.Length) return value;
                if (Count(value) >= 0 && Find(value, name, end + 1, depth + 1, tried, ref work) is { } found) return found;
            }

            if (end == start) break;
        }

        return null;
    }

    private static PickleValue? FindKey(PickleValue container, string key)
    {
        PickleDict? dict = container as PickleDict;
        if (dict?.Find(new PickleString(key)) is { } value) return value;
        bool isNumber = Int128.TryParse(key, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out Int128 number)
            && KeyText(number) == key;
        if (!isNumber) return null;
        if (dict != null) return dict.Find(new PickleInteger(number));
        return number >= 0 && number < Count(container) ? ItemOf(container, (int)number) : null;
    }

    /// <summary>The number of items; -1 for what is no container.</summary>
    private static int Count(PickleValue value) => value switch
    {
        PickleDict dict => dict.Count,
        PickleList list => list.Items.Count,
        PickleTuple tuple => tuple.Items.Length,
        _ => -1,
    };

    private static PickleValue ItemOf(PickleValue container, int position) => container switch
    {
        PickleDict dict => dict[position].Value,
        PickleList list => list.Items[position],
        _ => ((PickleTuple)container).Items[position],
    };

    private static string KeyText(PickleValue container, int position) => container is PickleDict dict
        ? KeyText(dict[position].Key)
        : position.ToString(CultureInfo.InvariantCulture);

    private static string KeyText(PickleValue key) => key is PickleString text ? text.Value : KeyText(((PickleInteger)key).Value);

    private static string KeyText(Int128 key) => key.ToString(CultureInfo.InvariantCulture);

    /// <summary>A number or string as text that reads back to the same; null for anything else.</summary>
    private static string? SettingText(PickleValue value) => value switch
    {
        PickleString text => text.Value,
        PickleInteger number => number.Value.ToString(CultureInfo.InvariantCulture),
        PickleFloat number => number.Value.ToString("R", CultureInfo.InvariantCulture),
        PickleBool flag => flag.Value ? "True" : "False",
        PickleNone => "None",
        _ => null,
    };

    private static string KeysOf(PickleValue root)
    {
        if (root is not PickleDict dict) return $"the file holds {root.Kind}";
        if (dict.Count == 0) return "the dict is empty";
        string[] keys = new string[Math.Min(dict.Count, KeysInMessage)];
        for (int i = 0; i < keys.Length; i++) keys[i] = FormatError.Quote(KeyText(dict[i].Key));
        string rest = dict.Count > keys.Length ? $" and {dict.Count - keys.Length} more" : "";
        return $"the keys are {string.Join(", ", keys)}{rest}";
    }

    private static bool TooMuch(ref FormatError error) =>
        error.Fail("dict-names", -1, "the file's dicts list more names than a file of this length may");

    private static bool NotADict(PickleValue root, ref FormatError error) =>
        error.Fail("dict-root", -1, $"the file holds {root.Kind}; expected a dict of tensors, such as a state_dict");
}
