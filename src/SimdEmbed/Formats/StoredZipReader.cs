using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using System.Text;
using static System.Buffers.Binary.BinaryPrimitives;

namespace SimdEmbed.Formats;

/// <summary>
/// Reads archives whose records are stored, as PyTorch writes them, or deflated, as NumPy may. Everything is checked that lets two readers disagree: local
/// headers against the directory, overlap, duplicate names, bytes in front; and every byte given out has passed its CRC-32.
/// </summary>
internal sealed unsafe class StoredZipReader
{
    private const int ChunkBytes = 1 << 20;
    private const int ScratchBytes = 1 << 14;

    private readonly FileBytes _file;
    private readonly Dictionary<string, StoredZipEntry> _byName;
    private bool _hasNoCrc;

    private StoredZipReader(FileBytes file, List<StoredZipEntry> entries, Dictionary<string, StoredZipEntry> byName)
    {
        _file = file;
        Entries = entries;
        _byName = byName;
    }

    /// <summary>The records by their place in the file.</summary>
    public List<StoredZipEntry> Entries { get; }

    public bool HasCrc => !_hasNoCrc;

    public static bool TryOpen(FileBytes file, [NotNullWhen(true)] out StoredZipReader? zip, ref FormatError error, bool allowDeflated = false)
    {
        zip = null;
        if (!StoredZipDirectory.TryRead(file, allowDeflated, out List<StoredZipEntry>? entries, out long end, ref error)) return false;
        entries.Sort(static (left, right) => left.HeaderOffset.CompareTo(right.HeaderOffset));
        if (entries.Count > 0 && entries[0].HeaderOffset != 0)
        {
            return error.Fail("zip-prefix", 0, $"{entries[0].HeaderOffset} bytes stand in front of the zip's first record; expected none");
        }

        Dictionary<string, StoredZipEntry> byName = new(entries.Count, StringComparer.Ordinal);
        byte[] scratch = [];
        for (int i = 0; i < entries.Count; i++)
        {
            long limit = i + 1 < entries.Count ? entries[i + 1].HeaderOffset : end;
            if (!TryCheckLocal(file, entries[i], limit, ref scratch, ref error)) return false;
            if (!byName.TryAdd(entries[i].Name, entries[i]))
            {
                return error.Fail(
                    "zip-duplicate", entries[i].HeaderOffset, $"the zip has two records {FormatError.Quote(entries[i].Name)}");
            }
        }

        zip = new StoredZipReader(file, entries, byName);
        return true;
    }

    public bool TryFind(string name, [NotNullWhen(true)] out StoredZipEntry? entry) => _byName.TryGetValue(name, out entry);

    /// <summary>
    /// PyTorch 2.7 and later can save without CRCs, and then no record has one. A zero among others that are not is damage.
    /// </summary>
    public void AllowMissingCrc()
    {
        foreach (StoredZipEntry entry in Entries)
        {
            if (entry.Crc != 0) return;
        }

        _hasNoCrc = true;
    }

    /// <summary>Reads a whole record into managed memory; the directory has already been checked against the file's length.</summary>
    public bool TryReadAll(StoredZipEntry entry, out byte[] bytes, ref FormatError error)
    {
        bytes = [];
        if (entry.Length > Array.MaxLength)
        {
            return error.Fail(
                "zip-size",
                entry.HeaderOffset,
                $"zip record {FormatError.Quote(entry.Name)} has {entry.Length} bytes; at most {Array.MaxLength} are read");
        }

        bytes = new byte[entry.Length];
        fixed (byte* start = bytes) return TryRead(entry, 0, start, bytes.Length, ref error);
    }

    /// <summary>
    /// Reads <paramref name="count"/> bytes from <paramref name="skip"/> on. The first read of a record goes over all of it, for
    /// its CRC; what was asked for is written while that runs, and is worth nothing when this returns false.
    /// </summary>
    public bool TryRead(StoredZipEntry entry, long skip, byte* destination, long count, ref FormatError error)
    {
        if (entry.IsVerified || _hasNoCrc) return _file.TryRead(entry.PayloadOffset + skip, destination, count, ref error);
        if (count == entry.Length)
        {
            return _file.TryReadSummed(entry.PayloadOffset, destination, count, out uint sum, ref error) && TryVerify(entry, sum, ref error);
        }

        Crc32 crc = new();
        Span<byte> scratch = stackalloc byte[ScratchBytes];
        long position = 0;
        while (position < entry.Length)
        {
            bool isWanted = position >= skip && position < skip + count;
            long border = isWanted ? skip + count : position < skip ? skip : entry.Length;
            Span<byte> chunk = isWanted
                ? new Span<byte>(destination + (position - skip), (int)Math.Min(border - position, ChunkBytes))
                : scratch[..(int)Math.Min(border - position, ScratchBytes)];
            if (!_file.TryRead(entry.PayloadOffset + position, chunk, ref error)) return false;
            crc.Append(chunk);
            position += chunk.Length;
        }

        return TryVerify(entry, crc.GetCurrentHashAsUInt32(), ref error);
    }

    private static bool TryVerify(StoredZipEntry entry, uint found, ref FormatError error)
    {
        if (found != entry.Crc)
        {
            return error.Fail(
                "zip-crc",
                entry.PayloadOffset,
                $"zip record {FormatError.Quote(entry.Name)} has CRC {found:x8}; expected {entry.Crc:x8}: the file is damaged");
        }

        entry.IsVerified = true;
        return true;
    }

    /// <summary>Holds the local header against the directory, and finds the payload, which ends before <paramref name="limit"/>.</summary>
    private static bool TryCheckLocal(FileBytes file, StoredZipEntry entry, long limit, ref byte[] scratch, ref FormatError error)
    {
        long at = entry.HeaderOffset;
        string name = entry.Name;
        Span<byte> header = stackalloc byte[ZipFields.LocalBytes];
        if (limit - at < header.Length) return Outside(entry, limit, ref error);
        if (!file.TryRead(at, header, ref error)) return false;
        if (ReadUInt32LittleEndian(header) != ZipFields.LocalSignature)
        {
            return error.Fail("zip-local", at, $"zip record {FormatError.Quote(name)} has no local header");
        }

        int nameBytes = ReadUInt16LittleEndian(header[26..]);
        int extraBytes = ReadUInt16LittleEndian(header[28..]);
        long payload = at + header.Length + nameBytes + extraBytes;
        if (limit - payload < entry.Packed) return Outside(entry, limit, ref error);

        if (scratch.Length < nameBytes + extraBytes) scratch = new byte[nameBytes + extraBytes];
        Span<byte> variable = scratch.AsSpan(0, nameBytes + extraBytes);
        if (!file.TryRead(at + header.Length, variable, ref error)) return false;
        if (!SameName(variable[..nameBytes], name))
        {
            return error.Fail("zip-name", at, $"zip record {FormatError.Quote(name)} has another name in its local header");
        }

        ushort flags = ReadUInt16LittleEndian(header[6..]);
        if (flags != entry.Flags || ReadUInt16LittleEndian(header[8..]) != entry.Method)
        {
            return error.Fail(
                "zip-local", at, $"zip record {FormatError.Quote(name)} has other flags or another method in its local header");
        }

        entry.PayloadOffset = payload;
        return (flags & ZipFields.DescriptorFlag) != 0
            ? TryCheckEmptySizes(header, entry, ref error) && TryCheckDescriptor(file, entry, limit, ref error)
            : TryCheckLocalSizes(header, variable[nameBytes..], entry, ref error);
    }

    private static bool TryCheckLocalSizes(ReadOnlySpan<byte> header, ReadOnlySpan<byte> extra, StoredZipEntry entry, ref FormatError error)
    {
        uint crc = ReadUInt32LittleEndian(header[14..]);
        long packed = ReadUInt32LittleEndian(header[18..]);
        long length = ReadUInt32LittleEndian(header[22..]);
        long none = 0;
        return (crc == entry.Crc
                && StoredZipDirectory.TryWiden(extra, ref length, ref packed, ref none)
                && length == entry.Length
                && packed == entry.Packed)
            || error.Fail(
                "zip-local",
                entry.HeaderOffset,
                $"zip record {FormatError.Quote(entry.Name)} has other sizes or another CRC in its local header");
    }

    /// <summary>In front of a data descriptor the header has zeros, marks of 64-bit sizes, or what the descriptor repeats.</summary>
    private static bool TryCheckEmptySizes(ReadOnlySpan<byte> header, StoredZipEntry entry, ref FormatError error)
    {
        uint crc = ReadUInt32LittleEndian(header[14..]);
        uint packed = ReadUInt32LittleEndian(header[18..]);
        uint length = ReadUInt32LittleEndian(header[22..]);
        return ((crc == 0 || crc == entry.Crc)
                && (packed is 0 or uint.MaxValue || packed == entry.Packed)
                && (length is 0 or uint.MaxValue || length == entry.Length))
            || error.Fail(
                "zip-local",
                entry.HeaderOffset,
                $"zip record {FormatError.Quote(entry.Name)} has other sizes or another CRC in its local header");
    }

    /// <summary>A data descriptor: CRC and both sizes, of 32 or 64 bits, usually behind a signature.</summary>
    private static bool TryCheckDescriptor(FileBytes file, StoredZipEntry entry, long limit, ref FormatError error)
    {
        long at = entry.PayloadOffset + entry.Packed;
        Span<byte> buffer = stackalloc byte[24];
        Span<byte> found = buffer[..(int)Math.Min(buffer.Length, limit - at)];
        if (!file.TryRead(at, found, ref error)) return false;
        if (found.Length >= 16 && ReadUInt32LittleEndian(found) == ZipFields.DescriptorSignature) found = found[4..];
        bool is32 = found.Length >= 12
            && ReadUInt32LittleEndian(found[4..]) == entry.Packed
            && ReadUInt32LittleEndian(found[8..]) == entry.Length;
        bool is64 = found.Length >= 20
            && ReadInt64LittleEndian(found[4..]) == entry.Packed
            && ReadInt64LittleEndian(found[12..]) == entry.Length;
        return ((is32 || is64) && ReadUInt32LittleEndian(found) == entry.Crc)
            || error.Fail("zip-local", at, $"zip record {FormatError.Quote(entry.Name)} has other sizes or another CRC behind its bytes");
    }

    private static bool SameName(ReadOnlySpan<byte> bytes, string name)
    {
        Span<byte> expected = name.Length <= 256 ? stackalloc byte[768] : new byte[Encoding.UTF8.GetMaxByteCount(name.Length)];
        return bytes.SequenceEqual(expected[..Encoding.UTF8.GetBytes(name, expected)]);
    }

    private static bool Outside(StoredZipEntry entry, long limit, ref FormatError error) =>
        error.Fail(
            "zip-overlap",
            entry.HeaderOffset,
            $"zip record {FormatError.Quote(entry.Name)} with {entry.Packed} bytes goes beyond {limit}, where other records start");
}
