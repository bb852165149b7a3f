using System.Diagnostics.CodeAnalysis;

namespace SimdEmbed.Formats;

/// <summary>Reads NumPy's archives: a zip of arrays, stored or deflated, called by their record's name without <c>.npy</c>.</summary>
internal static unsafe class NpzReader
{
    private const string Suffix = ".npy";
    private const int LongestHead = NpyReader.LongestPrefix + NpyReader.LongestHeader;

    /// <summary>Whether the first record of a zip is called like an array.</summary>
    public static bool TryRecognise(FileBytes file, out bool isNpz, ref FormatError error)
    {
        Span<byte> head = stackalloc byte[ZipFields.LocalBytes + 512];
        head = head[..(int)Math.Min(head.Length, file.Length)];
        isNpz = false;
        if (!file.TryRead(0, head, ref error)) return false;
        if (head.Length < ZipFields.LocalBytes) return true;
        int nameBytes = Math.Min(head[26] | (head[27] << 8), head.Length - ZipFields.LocalBytes);
        isNpz = head.Slice(ZipFields.LocalBytes, nameBytes).EndsWith(".npy"u8);
        return true;
    }

    public static bool TryOpen(FileBytes file, [NotNullWhen(true)] out TensorContent? content, ref FormatError error)
    {
        content = null;
        if (!StoredZipReader.TryOpen(file, out StoredZipReader? zip, ref error, allowDeflated: true)) return false;
        List<TensorInfo> tensors = new(zip.Entries.Count);
        byte* head = stackalloc byte[LongestHead];
        foreach (StoredZipEntry entry in zip.Entries)
        {
            if (!entry.Name.EndsWith(Suffix, StringComparison.Ordinal))
            {
                return error.Fail("npz-name", entry.HeaderOffset, $"zip record {FormatError.Quote(entry.Name)} is no {Suffix} array");
            }

            // A stored record's first bytes are read past its sum, which is checked with the elements.
            TensorBytes whole = entry.IsDeflated ? new DeflatedZipBytes(file, entry) : new StoredZipBytes(zip, entry);
            int length = (int)Math.Min(entry.Length, LongestHead);
            bool isRead = entry.IsDeflated
                ? whole.TryRead(0, head, length, ref error)
                : file.TryRead(entry.PayloadOffset, head, length, ref error);
            whole.Dispose();
            if (!isRead) return false;
            if (!NpyReader.TryParse(new ReadOnlySpan<byte>(head, length), entry.PayloadOffset, out NpyReader.Header header, ref error)
                || !NpyReader.TryCheckLength(header, entry.Length, entry.PayloadOffset, ref error))
            {
                return false;
            }

            tensors.Add(new TensorInfo(entry.Name[..^Suffix.Length], header.View(new BytesBehind(whole, header.Bytes))));
        }

        content = new TensorContent(TableFileFormat.Npz, tensors);
        return true;
    }

    /// <summary>A record without its header.</summary>
    private sealed class BytesBehind(TensorBytes whole, int header) : TensorBytes(whole.Length - header)
    {
        public override long? FileOffset => whole.FileOffset + header;

        public override bool HasSum => whole.HasSum;

        public override bool TryRead(long skip, byte* destination, long count, ref FormatError error) =>
            whole.TryRead(header + skip, destination, count, ref error);

        public override bool TryVerify(ref FormatError error) => whole.TryVerify(ref error);

        protected override void Release() => whole.Dispose();
    }
}
