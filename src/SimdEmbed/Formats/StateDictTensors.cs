using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace SimdEmbed.Formats;

/// <summary>Names for the tensors in a dict of dicts: keys joined by dots.</summary>
internal static class StateDictTensors
{
    private const int DeepestDict = 64;
    private const int KeysInMessage = 8;

    /// <summary>
    /// Lists the tensors in the order of the file. A dict that is reachable twice is gone through once: references can double at
    /// every level, and can lead back to where they came from.
    /// </summary>
    public static bool TryList(PyTorchFile file, out List<KeyValuePair<string, TorchTensor>> tensors, ref FormatError error)
    {
        tensors = [];
        if (file.Root is not PickleDict root) return NotADict(file.Root, ref error);

        // Names repeat the names of the dicts around them, so a short file could ask for long ones.
        long budget = (2 * file.Length) + (1 << 20);
        HashSet<PickleDict> seen = [root];
        Stack<(PickleDict Dict, string Prefix, int Next)> open = new();
        open.Push((root, "", 0));
        while (open.TryPop(out (PickleDict Dict, string Prefix, int Next) at))
        {
            if (at.Next == at.Dict.Count) continue;
            open.Push((at.Dict, at.Prefix, at.Next + 1));
            (PickleValue key, PickleValue value) = at.Dict[at.Next];
            if (value is not TorchTensor && (value is not PickleDict inner || !seen.Add(inner))) continue;

            string name = at.Prefix + KeyText(key);
            budget -= name.Length;
            if (budget < 0) return error.Fail("dict-names", -1, "the names in the file's dicts are longer than the file allows");
            if (value is TorchTensor tensor)
            {
                tensors.Add(new(name, tensor));
                continue;
            }

            if (open.Count == DeepestDict)
            {
                return error.Fail("dict-depth", -1, $"the file has more than {DeepestDict} dicts inside each other");
            }

            open.Push(((PickleDict)value, name + ".", 0));
        }

        return true;
    }

    /// <summary>Finds a tensor by its name.</summary>
    public static bool TryFind(PickleValue root, string name, [NotNullWhen(true)] out TorchTensor? tensor, ref FormatError error)
    {
        tensor = null;
        if (root is not PickleDict dict) return NotADict(root, ref error);
        PickleValue? found = Find(dict, name, 0, 0, []);
        tensor = found as TorchTensor;
        if (tensor != null) return true;
        return found == null
            ? error.Fail("dict-key", -1, $"there is no tensor {FormatError.Quote(name)}; {KeysOf(dict)}")
            : error.Fail("dict-key", -1, $"{FormatError.Quote(name)} is {found.Kind}; expected a tensor");
    }

    /// <summary>
    /// The longest key first, so that a literal key wins over a path. A dict is tried once at each place in the name, and one that
    /// leads back to itself does not make the recursion as deep as the name has dots.
    /// </summary>
    private static PickleValue? Find(PickleDict dict, string name, int start, int depth, HashSet<(PickleDict Dict, int Start)> tried)
    {
        if (depth > DeepestDict || !tried.Add((dict, start))) return null;
        for (int end = name.Length; end >= start; end = name.LastIndexOf('.', end - 1, end - start))
        {
            if (end - start <= PickleMachine.LongestKey && FindKey(dict, name[start..end]) is { } value)
            {
                if (end == name.Length) return value;
                if (value is PickleDict inner && Find(inner, name, end + 1, depth + 1, tried) is { } found) return found;
            }

            if (end == start) break;
        }

        return null;
    }

    private static PickleValue? FindKey(PickleDict dict, string key)
    {
        if (dict.Find(new PickleString(key)) is { } value) return value;
        return Int128.TryParse(key, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out Int128 number)
            && number.ToString() == key
            ? dict.Find(new PickleInteger(number))
            : null;
    }

    private static string KeyText(PickleValue key) => key is PickleString text ? text.Value : ((PickleInteger)key).Value.ToString();

    private static string KeysOf(PickleDict dict)
    {
        if (dict.Count == 0) return "the dict is empty";
        string[] keys = new string[Math.Min(dict.Count, KeysInMessage)];
        for (int i = 0; i < keys.Length; i++) keys[i] = FormatError.Quote(KeyText(dict[i].Key));
        string rest = dict.Count > keys.Length ? $" and {dict.Count - keys.Length} more" : "";
        return $"the keys are {string.Join(", ", keys)}{rest}";
    }

    private static bool NotADict(PickleValue root, ref FormatError error) =>
        error.Fail("dict-root", -1, $"the file holds {root.Kind}; expected a dict of tensors, such as a state_dict");
}
