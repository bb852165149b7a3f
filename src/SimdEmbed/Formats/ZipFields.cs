namespace SimdEmbed.Formats;

/// <summary>Signatures, sizes and marks of the ZIP format (APPNOTE 6.3), for the reader and the writer.</summary>
internal static class ZipFields
{
    public const uint LocalSignature = 0x04034b50;
    public const uint CentralSignature = 0x02014b50;
    public const uint EndSignature = 0x06054b50;
    public const uint End64Signature = 0x06064b50;
    public const uint Locator64Signature = 0x07064b50;
    public const uint DescriptorSignature = 0x08074b50;

    public const int LocalBytes = 30;
    public const int CentralBytes = 46;
    public const int EndBytes = 22;
    public const int End64Bytes = 56;
    public const int Locator64Bytes = 20;

    public const ushort EncryptedFlag = 0x0001;

    /// <summary>CRC and sizes follow the payload, in a data descriptor.</summary>
    public const ushort DescriptorFlag = 0x0008;

    public const ushort Utf8Flag = 0x0800;

    public const ushort StoredMethod = 0;
    public const ushort DeflatedMethod = 8;

    /// <summary>The extra field with 64-bit sizes.</summary>
    public const ushort Zip64Extra = 0x0001;

    /// <summary>The extra field that PyTorch pads with: the letters FB.</summary>
    public const ushort PaddingExtra = 0x4246;
}
