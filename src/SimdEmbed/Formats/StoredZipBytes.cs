namespace SimdEmbed.Formats;

/// <summary>A record of an archive that is stored as it is; the first read goes over all of it, for its CRC.</summary>
internal sealed unsafe class StoredZipBytes(StoredZipReader zip, StoredZipEntry entry) : TensorBytes(entry.Length)
{
    public override long? FileOffset => entry.PayloadOffset;

    public override bool HasSum => zip.HasCrc;

    public override bool TryRead(long skip, byte* destination, long count, ref FormatError error) =>
        zip.TryRead(entry, skip, destination, count, ref error);

    public override bool TryVerify(ref FormatError error) => zip.TryRead(entry, 0, null, 0, ref error);
}
