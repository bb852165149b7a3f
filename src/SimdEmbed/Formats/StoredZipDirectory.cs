using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;
using static System.Buffers.Binary.BinaryPrimitives;

namespace SimdEmbed.Formats;

/// <summary>One record of an archive, as the central directory has it.</summary>
internal sealed class StoredZipEntry(string name, ushort flags, ushort method, uint crc, long packed, long length, long headerOffset)
{
    public string Name { get; } = name;

    public ushort Flags { get; } = flags;

    public uint Crc { get; } = crc;

    public bool IsDeflated => Method == ZipFields.DeflatedMethod;

    public ushort Method { get; } = method;

    /// <summary>The bytes in the file; as many as <see cref="Length"/> unless it is deflated.</summary>
    public long Packed { get; } = packed;

    public long Length { get; } = length;

    public long HeaderOffset { get; } = headerOffset;

    /// <summary>Where the bytes start, known once the local header was read.</summary>
    public long PayloadOffset { get; set; }

    /// <summary>The bytes agreed with the CRC once, so that further views of a storage need not read all of it again.</summary>
    public bool IsVerified { get; set; }
}

/// <summary>The end records and the central directory of an archive, checked against the length of the file.</summary>
internal static class StoredZipDirectory
{
    /// <summary>What deflate can at most make of a byte.</summary>
    private const long HighestRatio = 1032;

    private const int TailBytes = ZipFields.EndBytes + ZipFields.Locator64Bytes + ZipFields.End64Bytes;

    /// <summary>Reads all entries, in the order of the directory; their local headers are not looked at.</summary>
    /// <param name="file">The file.</param>
    /// <param name="allowDeflated">Whether records may be deflated, as NumPy does and PyTorch does not.</param>
    /// <param name="entries">The records; sizes and offsets lie in front of the directory.</param>
    /// <param name="start">Where the directory starts, which is where the records must have ended.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryRead(
        FileBytes file, bool allowDeflated, [NotNullWhen(true)] out List<StoredZipEntry>? entries, out long start, ref FormatError error)
    {
        entries = null;
        if (!TryFind(file, out start, out long bytes, out long count, ref error)) return false;
        if (count > bytes / ZipFields.CentralBytes || bytes > Array.MaxLength)
        {
            return error.Fail("zip-directory", start, $"the zip directory claims {count} records in {bytes} bytes");
        }

        if (!file.TryAllow("the zip directory", bytes, start, ref error)) return false;
        byte[] directory = new byte[bytes];
        if (!file.TryRead(start, directory, ref error)) return false;

        List<StoredZipEntry> read = new((int)count);
        int position = 0;
        for (long i = 0; i < count; i++)
        {
            if (!TryReadEntry(directory, ref position, start, allowDeflated, out StoredZipEntry? entry, ref error)) return false;
            read.Add(entry);
        }

        if (position != bytes)
        {
            return error.Fail(
                "zip-directory", start + position, $"the zip directory has {bytes - position} bytes more than its {count} records");
        }

        entries = read;
        return true;
    }

    /// <summary>
    /// The end record is the last 22 bytes: an archive comment is refused, because searching for the record behind one lets two
    /// readers see two archives in a file.
    /// </summary>
    private static bool TryFind(FileBytes file, out long start, out long bytes, out long count, ref FormatError error)
    {
        (start, bytes, count) = (0, 0, 0);
        Span<byte> buffer = stackalloc byte[TailBytes];
        Span<byte> tail = buffer[..(int)Math.Min(TailBytes, file.Length)];
        if (!file.TryRead(file.Length - tail.Length, tail, ref error)) return false;

        long endOffset = file.Length - ZipFields.EndBytes;
        if (endOffset < 0 || ReadUInt32LittleEndian(tail[^ZipFields.EndBytes..]) != ZipFields.EndSignature)
        {
            return error.Fail(
                "zip-end", Math.Max(endOffset, 0), "the zip does not end with its end record: it is cut off or has an archive comment");
        }

        Span<byte> end = tail[^ZipFields.EndBytes..];
        ushort comment = ReadUInt16LittleEndian(end[20..]);
        if (comment != 0)
        {
            return error.Fail("zip-end", endOffset, $"the zip's end record claims a comment of {comment} bytes; expected none");
        }

        count = ReadUInt16LittleEndian(end[10..]);
        bytes = ReadUInt32LittleEndian(end[12..]);
        start = ReadUInt32LittleEndian(end[16..]);
        ushort diskCount = ReadUInt16LittleEndian(end[8..]);
        if (ReadUInt32LittleEndian(end[4..]) != 0 || diskCount != count)
        {
            return error.Fail(
                "zip-end", endOffset, $"the zip's end record has {diskCount} of {count} records on this disk; expected one disk with all");
        }

        long directoryEnd = endOffset;
        if (tail.Length == TailBytes && ReadUInt32LittleEndian(tail[ZipFields.End64Bytes..]) == ZipFields.Locator64Signature)
        {
            directoryEnd -= ZipFields.Locator64Bytes + ZipFields.End64Bytes;
            if (!TryReadEnd64(tail, directoryEnd, ref start, ref bytes, ref count, ref error)) return false;
        }

        // Also when a 32-bit field is saturated and the 64-bit record is missing, for no file is that long by chance.
        if (start < 0 || bytes < 0 || count < 0 || start > directoryEnd || bytes != directoryEnd - start)
        {
            return error.Fail(
                "zip-directory",
                endOffset,
                $"the zip directory claims {bytes} bytes at {start}; expected it to end at {directoryEnd}");
        }

        return true;
    }

    private static bool TryReadEnd64(
        ReadOnlySpan<byte> tail, long expected, ref long start, ref long bytes, ref long count, ref FormatError error)
    {
        ReadOnlySpan<byte> locator = tail[ZipFields.End64Bytes..];
        bool isPlain = ReadUInt32LittleEndian(tail) == ZipFields.End64Signature
            && ReadInt64LittleEndian(tail[4..]) == ZipFields.End64Bytes - 12
            && ReadUInt64LittleEndian(tail[16..]) == 0
            && ReadInt64LittleEndian(tail[24..]) == ReadInt64LittleEndian(tail[32..])
            && ReadUInt32LittleEndian(locator[4..]) == 0
            && ReadInt64LittleEndian(locator[8..]) == expected
            && ReadUInt32LittleEndian(locator[16..]) == 1;
        long count64 = ReadInt64LittleEndian(tail[32..]);
        long bytes64 = ReadInt64LittleEndian(tail[40..]);
        long start64 = ReadInt64LittleEndian(tail[48..]);
        bool isSame = (count == count64 || count == ushort.MaxValue)
            && (bytes == bytes64 || bytes == uint.MaxValue)
            && (start == start64 || start == uint.MaxValue);
        if (!isPlain || !isSame)
        {
            return error.Fail("zip-end", expected, "the zip's 64-bit end record disagrees with its locator or its end record");
        }

        (start, bytes, count) = (start64, bytes64, count64);
        return true;
    }

    private static bool TryReadEntry(
        ReadOnlySpan<byte> directory,
        ref int position,
        long start,
        bool allowDeflated,
        [NotNullWhen(true)] out StoredZipEntry? entry,
        ref FormatError error)
    {
        entry = null;
        ReadOnlySpan<byte> header = directory[position..];
        long at = start + position;
        if (header.Length < ZipFields.CentralBytes || ReadUInt32LittleEndian(header) != ZipFields.CentralSignature)
        {
            return error.Fail("zip-directory", at, "a record of the zip directory is cut off or has no signature");
        }

        int nameBytes = ReadUInt16LittleEndian(header[28..]);
        int extraBytes = ReadUInt16LittleEndian(header[30..]);
        int total = ZipFields.CentralBytes + nameBytes + extraBytes + ReadUInt16LittleEndian(header[32..]);
        if (total > header.Length) return error.Fail("zip-directory", at, "a record of the zip directory goes beyond its end");
        ReadOnlySpan<byte> nameField = header.Slice(ZipFields.CentralBytes, nameBytes);
        if (!Utf8.IsValid(nameField)) return error.Fail("zip-name", at, "a zip record's name is not UTF-8");
        string name = Encoding.UTF8.GetString(nameField);

        long packed = ReadUInt32LittleEndian(header[20..]);
        long length = ReadUInt32LittleEndian(header[24..]);
        long offset = ReadUInt32LittleEndian(header[42..]);
        ReadOnlySpan<byte> extra = header.Slice(ZipFields.CentralBytes + nameBytes, extraBytes);
        if (!TryWiden(extra, ref length, ref packed, ref offset))
        {
            return error.Fail("zip-zip64", at, $"zip record {FormatError.Quote(name)} needs 64-bit sizes and has none");
        }

        if (!TryCheckMethod(header, name, at, allowDeflated, ref error)) return false;
        ushort method = ReadUInt16LittleEndian(header[10..]);
        bool isPossible = method == ZipFields.StoredMethod ? packed == length : length / HighestRatio <= packed;
        if (!isPossible || offset < 0 || length < 0 || packed < 0 || offset > start || packed > start - offset)
        {
            return error.Fail(
                "zip-size",
                at,
                $"zip record {FormatError.Quote(name)} claims {length} bytes, {packed} stored, at {offset}; the records end at {start}");
        }

        entry = new StoredZipEntry(
            name, ReadUInt16LittleEndian(header[8..]), method, ReadUInt32LittleEndian(header[16..]), packed, length, offset);
        position += total;
        return true;
    }

    private static bool TryCheckMethod(ReadOnlySpan<byte> header, string name, long at, bool allowDeflated, ref FormatError error)
    {
        ushort flags = ReadUInt16LittleEndian(header[8..]);
        ushort method = ReadUInt16LittleEndian(header[10..]);
        if ((flags & ZipFields.EncryptedFlag) != 0)
        {
            return error.Fail("zip-encrypted", at, $"zip record {FormatError.Quote(name)} is encrypted");
        }

        if (method != ZipFields.StoredMethod && !(allowDeflated && method == ZipFields.DeflatedMethod))
        {
            string found = method == ZipFields.DeflatedMethod ? "deflated" : $"compressed by method {method}";
            return error.Fail(
                "zip-stored", at, $"zip record {FormatError.Quote(name)} is {found}; expected it stored{(allowDeflated ? " or deflated" : ", as PyTorch writes it")}");
        }

        if ((flags & ~(ZipFields.DescriptorFlag | ZipFields.Utf8Flag)) != 0 || ReadUInt16LittleEndian(header[34..]) != 0)
        {
            return error.Fail(
                "zip-flags", at, $"zip record {FormatError.Quote(name)} has flags 0x{flags:x4} or another disk; expected neither");
        }

        return true;
    }

    /// <summary>Replaces saturated 32-bit fields by those of the ZIP64 extra field, which has only these, in this order.</summary>
    public static bool TryWiden(ReadOnlySpan<byte> extra, ref long length, ref long packed, ref long offset)
    {
        if (length != uint.MaxValue && packed != uint.MaxValue && offset != uint.MaxValue) return true;
        while (extra.Length >= 4)
        {
            ushort id = ReadUInt16LittleEndian(extra);
            int bytes = ReadUInt16LittleEndian(extra[2..]);
            if (bytes > extra.Length - 4) return false;
            ReadOnlySpan<byte> field = extra.Slice(4, bytes);
            extra = extra[(4 + bytes)..];
            if (id != ZipFields.Zip64Extra) continue;
            return TryTake(ref field, ref length) && TryTake(ref field, ref packed) && TryTake(ref field, ref offset);
        }

        return false;

        static bool TryTake(ref ReadOnlySpan<byte> field, ref long value)
        {
            if (value != uint.MaxValue) return true;
            if (field.Length < 8) return false;
            value = ReadInt64LittleEndian(field);
            field = field[8..];
            return value >= 0;
        }
    }
}
