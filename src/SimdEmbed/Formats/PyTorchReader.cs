using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace SimdEmbed.Formats;

/// <summary>Reads a <c>.pth</c> file down to its object tree, decoded and checked; elements are read later, tensor by tensor.</summary>
internal static class PyTorchReader
{
    /// <summary>As much of a file's front as says which kind it is.</summary>
    public const int HeadBytes = TarMagicOffset + 5;

    private const int HighestVersion = 10;
    private const int TarMagicOffset = 257;

    public static bool IsTar(ReadOnlySpan<byte> head) => head.Length >= HeadBytes && head[TarMagicOffset..HeadBytes].SequenceEqual("ustar"u8);

    public static bool TryOpen(FileBytes file, [NotNullWhen(true)] out PyTorchContent? content, ref FormatError error)
    {
        content = null;
        if (!TryCheckKind(file, out bool isPickle, ref error)) return false;
        if (isPickle) return PyTorchLegacyReader.TryOpen(file, out content, ref error);
        if (!StoredZipReader.TryOpen(file, out StoredZipReader? zip, ref error)) return false;
        if (!TryFindRoot(zip, out string root, out StoredZipEntry? pickle, ref error)) return false;
        if (zip.TryFind($"{root}/.format_version", out _)) zip.AllowMissingCrc();
        if (!TryCheckVersion(zip, root, ref error) || !TryCheckByteOrder(zip, root, ref error)) return false;
        if (!file.TryAllow("the pickle", pickle.Length, pickle.PayloadOffset, ref error) || !zip.TryReadAll(pickle, out byte[] bytes, ref error)) return false;
        TorchObjects torch = new(zip, root, file.Length);
        torch.Allowance.Spent = bytes.Length;
        return PickleMachine.TryRun(bytes, pickle.PayloadOffset, torch, out PickleValue value, ref error)
            && PyTorchContent.TryCreate(TableFileFormat.PyTorch, file.Length, value, torch.Allowance, out content, ref error);
    }

    /// <summary>Says what a file is that is not a zip, because "bad signature" helps nobody who has an old checkpoint.</summary>
    private static bool TryCheckKind(FileBytes file, out bool isPickle, ref FormatError error)
    {
        isPickle = false;
        Span<byte> head = stackalloc byte[HeadBytes];
        head = head[..(int)Math.Min(head.Length, file.Length)];
        if (head.IsEmpty) return error.Fail("file-empty", 0, "the file is empty");
        if (!file.TryRead(0, head, ref error)) return false;
        if (head.StartsWith("PK\x03\x04"u8)) return true;
        if (head.StartsWith("PK\x05\x06"u8)) return error.Fail("zip-empty", 0, "is a zip archive without records");
        if (IsTar(head))
        {
            return error.Fail(
                "legacy-tar", 0, "is a tar file, as PyTorch wrote before 0.1.10; save it with torch.save's default zip format");
        }

        isPickle = head[0] == (byte)PickleOpcode.Proto;
        return isPickle || error.Fail("not-zip", 0, "is not a PyTorch file: it starts with neither a zip record nor a pickle");
    }

    private static bool TryFindRoot(
        StoredZipReader zip, out string root, [NotNullWhen(true)] out StoredZipEntry? pickle, ref FormatError error)
    {
        const string Suffix = "/data.pkl";
        root = "";
        pickle = null;
        foreach (StoredZipEntry entry in zip.Entries)
        {
            if (!entry.Name.EndsWith(Suffix, StringComparison.Ordinal)) continue;
            if (pickle != null) return error.Fail("pth-root", entry.HeaderOffset, "the zip has two data.pkl records; expected one");
            pickle = entry;
            root = entry.Name[..^Suffix.Length];
        }

        if (pickle == null)
        {
            return error.Fail("pth-root", -1, "the zip has no <folder>/data.pkl record; expected one, as torch.save writes it");
        }

        if (root.Length == 0 || root.Contains('/'))
        {
            return error.Fail("pth-root", pickle.HeaderOffset, $"data.pkl is in folder {FormatError.Quote(root)}; expected one top folder");
        }

        return !zip.TryFind($"{root}/constants.pkl", out StoredZipEntry? constants)
            || error.Fail(
                "pth-torchscript",
                constants.HeaderOffset,
                "is a TorchScript archive (it has constants.pkl); expected a state_dict from torch.save");
    }

    private static bool TryCheckVersion(StoredZipReader zip, string root, ref FormatError error)
    {
        if (!zip.TryFind($"{root}/version", out StoredZipEntry? entry) && !zip.TryFind($"{root}/.data/version", out entry))
        {
            return error.Fail("pth-version", -1, "the zip has no version record; expected one, as torch.save writes it");
        }

        if (!TryReadWord(zip, entry, out string word, ref error)) return false;
        bool isNumber = int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int version);
        return (isNumber && version is >= 1 and <= HighestVersion)
            || error.Fail("pth-version", entry.PayloadOffset, $"the version is {FormatError.Quote(word)}; expected 1 to {HighestVersion}");
    }

    private static bool TryCheckByteOrder(StoredZipReader zip, string root, ref FormatError error)
    {
        if (!zip.TryFind($"{root}/byteorder", out StoredZipEntry? entry)) return true;
        if (!TryReadWord(zip, entry, out string word, ref error)) return false;
        return word == "little"
            || error.Fail("pth-byteorder", entry.PayloadOffset, $"the byte order is {FormatError.Quote(word)}; expected 'little'");
    }

    /// <summary>A record of one short ASCII word and perhaps a line feed.</summary>
    private static bool TryReadWord(StoredZipReader zip, StoredZipEntry entry, out string word, ref FormatError error)
    {
        const int LongestWord = 16;
        word = "";
        if (entry.Length > LongestWord)
        {
            return error.Fail(
                "pth-record",
                entry.PayloadOffset,
                $"record {FormatError.Quote(entry.Name)} has {entry.Length} bytes; expected at most {LongestWord}");
        }

        if (!zip.TryReadAll(entry, out byte[] bytes, ref error)) return false;
        word = Encoding.Latin1.GetString(bytes).TrimEnd('\n');
        return true;
    }
}
