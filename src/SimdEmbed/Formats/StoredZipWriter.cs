using System.IO.Hashing;
using System.Text;
using SimdEmbed.Internals;
using static System.Buffers.Binary.BinaryPrimitives;

namespace SimdEmbed.Formats;

/// <summary>
/// Writes archives as PyTorch does: records stored, each payload on a 64-byte line so that the file can be mapped, CRC and sizes
/// behind the payload so that each is gone through once. 64-bit fields appear only where 32 bits do not do.
/// </summary>
/// <param name="stream">Where to.</param>
/// <param name="limit32">The value from which on a 32-bit field is not used; tests lower it to see 64-bit fields in small files.</param>
internal sealed unsafe class StoredZipWriter(Stream stream, long limit32 = uint.MaxValue)
{
    public const int Alignment = 64;

    private const ushort Version = 20;
    private const ushort Version64 = 45;
    private const ushort Flags = ZipFields.DescriptorFlag | ZipFields.Utf8Flag;

    /// <summary>1 January 1980, the format's first day: equal tables give equal files.</summary>
    private const ushort Date = 0x0021;

    private readonly List<(byte[] Name, uint Crc, long Length, long Offset)> _records = [];
    private long _position;

    public void Add(string name, ReadOnlySpan<byte> payload)
    {
        fixed (byte* start = payload) Add(name, start, payload.Length);
    }

    private void Add(string name, byte* payload, long length) => Add(name, length, output => TensorSource.Copy(payload, length, output));

    /// <summary>Adds a record whose bytes are made while it is written; their number has to be known.</summary>
    public void Add(string name, long length, Action<Stream> write)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name);
        if (nameBytes.Length > ushort.MaxValue) Throw.Argument(nameof(name), $"a record's name has {nameBytes.Length} bytes; at most {ushort.MaxValue} are written.");
        long offset = _position;
        WriteLocalHeader(nameBytes, length);

        using Payload payload = new(this);
        write(payload);
        if (payload.Written != length) Throw.Argument(nameof(write), $"record '{name}' has {length} bytes; {payload.Written} were written.");
        uint sum = payload.Sum;
        Fields descriptor = new(stackalloc byte[24]);
        descriptor.UInt32(ZipFields.DescriptorSignature);
        descriptor.UInt32(sum);
        descriptor.Size(length, length >= limit32);
        descriptor.Size(length, length >= limit32);
        Write(descriptor.Written);
        _records.Add((nameBytes, sum, length, offset));
    }

    /// <summary>Writes the directory; nothing may be added any more.</summary>
    public void Finish()
    {
        long start = _position;
        foreach ((byte[] name, uint crc, long length, long offset) in _records) WriteCentralHeader(name, crc, length, offset);
        long bytes = _position - start;
        long end64 = _position;
        bool is64 = _records.Count >= ushort.MaxValue || start >= limit32 || bytes >= limit32;

        Fields fields = new(stackalloc byte[ZipFields.End64Bytes + ZipFields.Locator64Bytes + ZipFields.EndBytes]);
        if (is64)
        {
            fields.UInt32(ZipFields.End64Signature);
            fields.UInt64(ZipFields.End64Bytes - 12);
            fields.UInt16(Version64);
            fields.UInt16(Version64);
            fields.UInt64(0);
            fields.UInt64(_records.Count);
            fields.UInt64(_records.Count);
            fields.UInt64(bytes);
            fields.UInt64(start);

            fields.UInt32(ZipFields.Locator64Signature);
            fields.UInt32(0);
            fields.UInt64(end64);
            fields.UInt32(1);
        }

        fields.UInt32(ZipFields.EndSignature);
        fields.UInt32(0);
        fields.UInt16((ushort)Math.Min(_records.Count, ushort.MaxValue));
        fields.UInt16((ushort)Math.Min(_records.Count, ushort.MaxValue));
        fields.UInt32(Low(bytes));
        fields.UInt32(Low(start));
        fields.UInt16(0);
        Write(fields.Written);
    }

    private void WriteLocalHeader(byte[] name, long length)
    {
        bool is64 = length >= limit32;
        int before = ZipFields.LocalBytes + name.Length + (is64 ? 20 : 0) + 4;
        int padding = (int)((Alignment - ((_position + before) % Alignment)) % Alignment);

        Fields fields = new(stackalloc byte[ZipFields.LocalBytes]);
        fields.UInt32(ZipFields.LocalSignature);
        fields.UInt16(is64 ? Version64 : Version);
        fields.UInt16(Flags);
        fields.UInt16(ZipFields.StoredMethod);
        fields.UInt16(0);
        fields.UInt16(Date);
        fields.UInt32(0);
        fields.UInt32(is64 ? uint.MaxValue : 0);
        fields.UInt32(is64 ? uint.MaxValue : 0);
        fields.UInt16((ushort)name.Length);
        fields.UInt16((ushort)(before - ZipFields.LocalBytes - name.Length + padding));
        Write(fields.Written);
        Write(name);

        Fields extra = new(stackalloc byte[20 + 4 + Alignment]);
        if (is64)
        {
            extra.UInt16(ZipFields.Zip64Extra);
            extra.UInt16(16);
            extra.UInt64(length);
            extra.UInt64(length);
        }

        extra.UInt16(ZipFields.PaddingExtra);
        extra.UInt16((ushort)padding);
        extra.Fill((byte)'Z', padding);
        Write(extra.Written);
    }

    private void WriteCentralHeader(byte[] name, uint crc, long length, long offset)
    {
        Fields extra = new(stackalloc byte[28]);
        if (length >= limit32 || offset >= limit32)
        {
            int values = (length >= limit32 ? 2 : 0) + (offset >= limit32 ? 1 : 0);
            extra.UInt16(ZipFields.Zip64Extra);
            extra.UInt16((ushort)(8 * values));
            if (length >= limit32) extra.UInt64(length);
            if (length >= limit32) extra.UInt64(length);
            if (offset >= limit32) extra.UInt64(offset);
        }

        ushort version = extra.Written.IsEmpty ? Version : Version64;
        Fields fields = new(stackalloc byte[ZipFields.CentralBytes]);
        fields.UInt32(ZipFields.CentralSignature);
        fields.UInt16(version);
        fields.UInt16(version);
        fields.UInt16(Flags);
        fields.UInt16(ZipFields.StoredMethod);
        fields.UInt16(0);
        fields.UInt16(Date);
        fields.UInt32(crc);
        fields.UInt32(Low(length));
        fields.UInt32(Low(length));
        fields.UInt16((ushort)name.Length);
        fields.UInt16((ushort)extra.Written.Length);
        fields.UInt16(0);
        fields.UInt16(0);
        fields.UInt16(0);
        fields.UInt32(0);
        fields.UInt32(Low(offset));
        Write(fields.Written);
        Write(name);
        Write(extra.Written);
    }

    private uint Low(long value) => value >= limit32 ? uint.MaxValue : (uint)value;

    private void Write(ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        _position += bytes.Length;
    }

    /// <summary>What a record's writer writes to.</summary>
    private sealed class Payload(StoredZipWriter zip) : WriteOnlyStream
    {
        private readonly Crc32 _crc = new();

        public long Written { get; private set; }

        public uint Sum => _crc.GetCurrentHashAsUInt32();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _crc.Append(buffer);
            zip.Write(buffer);
            Written += buffer.Length;
        }
    }

    /// <summary>Little-endian fields, one behind the other.</summary>
    private ref struct Fields(Span<byte> buffer)
    {
        private readonly Span<byte> _buffer = buffer;
        private int _length;

        public readonly ReadOnlySpan<byte> Written => _buffer[.._length];

        public void UInt16(ushort value) => WriteUInt16LittleEndian(Take(2), value);

        public void UInt32(uint value) => WriteUInt32LittleEndian(Take(4), value);

        public void UInt64(long value) => WriteInt64LittleEndian(Take(8), value);

        public void Size(long value, bool is64)
        {
            if (is64) UInt64(value);
            else UInt32((uint)value);
        }

        public void Fill(byte value, int count) => Take(count).Fill(value);

        private Span<byte> Take(int bytes)
        {
            _length += bytes;
            return _buffer.Slice(_length - bytes, bytes);
        }
    }
}
