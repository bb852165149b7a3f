using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using SimdEmbed.Formats;

namespace SimdEmbed.Proofs;

/// <summary>
/// Changes files the way that finds most: bits, numbers and blocks anywhere, and then lengths and sums made right again, so that the
/// change is not refused before it is looked at.
/// </summary>
internal sealed class FuzzMutator(string format, int seed)
{
    private static readonly long[] s_numbers =
        [0, 1, -1, 2, 4, 8, 63, 64, 127, 128, 255, 256, 1000, 32767, 65535, 65536, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 40, long.MaxValue, long.MinValue];

    private static readonly string[] s_tokens =
    [
        "\"dtype\":\"F32\"", "\"shape\":[", "\"data_offsets\":[0,0]", "__metadata__", "BF16", "F4", "{}", "[]", "null", "\\ud800",
        "'descr': '<f4'", "'fortran_order': True", "'shape': (", "(2, 3)", "|O", ">f8", "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch\nFloatStorage\n",
        "ccollections\nOrderedDict\n)R", "X\x07\0\0\0storage", "cos\nsystem\n", "PK\x01\x02", "PK\x03\x04", "\x80\x04\x95", "data.pkl", "version",
    ];

    private readonly Random _random = new(seed);

    /// <summary>The golden files of a format; of a checkpoint, for its pickle alone.</summary>
    public static IEnumerable<byte[]> Seeds(string format, string folder)
    {
        string extension = format is "pickle" or "legacy" ? "pth" : format;
        foreach (string path in Directory.GetFiles(folder, "*." + extension).Order(StringComparer.Ordinal))
        {
            byte[] bytes = File.ReadAllBytes(path);
            bool isZip = bytes.AsSpan().StartsWith("PK"u8);
            if (format == "pth" && !isZip) continue;
            if (format == "legacy" && isZip) continue;
            if (format != "pickle") yield return bytes;
            else if (Records(bytes) is { } records && records.Find(record => record.Name.EndsWith("data.pkl", StringComparison.Ordinal)) is { Name: not null } pickle) yield return pickle.Bytes;
        }
    }

    public byte[] Change(List<byte[]> pool)
    {
        byte[] from = pool[_random.Next(pool.Count)];
        if (format is "pth" or "npz" && _random.Next(3) != 0 && Records(from) is { Count: > 0 } records)
        {
            int chosen = _random.Next(records.Count);
            records[chosen] = (records[chosen].Name, Changed(records[chosen].Bytes, pool));
            return Archive(records);
        }

        byte[] changed = Changed(from, pool);
        if (_random.Next(2) == 0) FixLength(changed);
        return changed;
    }

    private byte[] Changed(byte[] from, List<byte[]> pool)
    {
        byte[] bytes = [.. from];
        for (int i = 1 + _random.Next(4); i > 0; i--) bytes = ChangedOnce(bytes, pool);
        return bytes;
    }

    private byte[] ChangedOnce(byte[] bytes, List<byte[]> pool)
    {
        if (bytes.Length == 0) return [(byte)_random.Next(256)];
        int at = _random.Next(bytes.Length);
        int length = Math.Min(1 + _random.Next(16), bytes.Length - at);
        switch (_random.Next(10))
        {
            case 0:
                bytes[at] ^= (byte)(1 << _random.Next(8));
                return bytes;
            case 1:
                bytes[at] = (byte)_random.Next(256);
                return bytes;
            case 2:
                Span<byte> number = stackalloc byte[8];
                BinaryPrimitives.WriteInt64LittleEndian(number, s_numbers[_random.Next(s_numbers.Length)]);
                number[..Math.Min(1 << _random.Next(4), bytes.Length - at)].CopyTo(bytes.AsSpan(at));
                return bytes;
            case 3: return bytes[..at];
            case 4: return [.. bytes[..at], .. bytes[(at + length)..]];
            case 5: return [.. bytes[..at], .. bytes[at..(at + length)], .. bytes[at..]];
            case 6: return [.. bytes[..at], .. Encoding.Latin1.GetBytes(s_tokens[_random.Next(s_tokens.Length)]), .. bytes[at..]];
            case 7:
                byte[] other = pool[_random.Next(pool.Count)];
                return [.. bytes[..at], .. other.AsSpan(Math.Min(at, other.Length))];
            case 8: return WithNumber(bytes, at);
            default:
                // A block from elsewhere: a field in the place of another.
                int source = _random.Next(bytes.Length);
                bytes.AsSpan(source, Math.Min(length, bytes.Length - source)).ToArray().AsSpan(0, Math.Min(length, bytes.Length - Math.Max(source, at))).CopyTo(bytes.AsSpan(at));
                return bytes;
        }
    }

    /// <summary>Puts another number in the place of the next one that is written in digits.</summary>
    private byte[] WithNumber(byte[] bytes, int at)
    {
        int start = bytes.AsSpan(at).IndexOfAnyInRange((byte)'0', (byte)'9');
        if (start < 0) return bytes;
        start += at;
        int end = start;
        while (end < bytes.Length && char.IsAsciiDigit((char)bytes[end])) end++;
        string number = s_numbers[_random.Next(s_numbers.Length)].ToString(CultureInfo.InvariantCulture);
        return [.. bytes[..start], .. Encoding.ASCII.GetBytes(number), .. bytes[end..]];
    }

    /// <summary>Makes the length of a header what the header now has.</summary>
    private void FixLength(byte[] bytes)
    {
        if (format == "safetensors" && bytes.Length > 8)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, Math.Max(bytes.AsSpan().LastIndexOf((byte)'}') - 7, 0));
        }
        else if (format == "npy" && bytes.Length > 12)
        {
            int end = bytes.AsSpan(10).IndexOf((byte)'\n');
            if (end >= 0) BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(8), (ushort)(end + 1));
        }
    }

    private static List<(string Name, byte[] Bytes)>? Records(byte[] archive)
    {
        using FileBytes file = new(archive);
        FormatError error = default;
        if (!StoredZipReader.TryOpen(file, out StoredZipReader? zip, ref error)) return null;
        List<(string Name, byte[] Bytes)> records = [];
        foreach (StoredZipEntry entry in zip.Entries)
        {
            if (!zip.TryReadAll(entry, out byte[] bytes, ref error)) return null;
            records.Add((entry.Name, bytes));
        }

        return records;
    }

    private static byte[] Archive(List<(string Name, byte[] Bytes)> records)
    {
        using MemoryStream stream = new();
        StoredZipWriter zip = new(stream);
        foreach ((string name, byte[] bytes) in records) zip.Add(name, bytes);
        zip.Finish();
        return stream.ToArray();
    }
}
