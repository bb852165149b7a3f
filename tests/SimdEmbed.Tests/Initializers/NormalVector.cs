namespace SimdEmbed.Tests.Initializers;

/// <summary>
/// The bits of <c>Initializer.Normal(20260101)</c> for rows 0 to 3 of 16 columns, computed apart from the library (Philox in
/// integers, libm's log, sin and cos in double): every width and every build must give these.
/// </summary>
internal static class NormalVector
{
    public const ulong Seed = 20260101;
    public const int Rows = 4;
    public const int Dim = 16;

    private static readonly uint[] s_bits =
    [
        0xBFA10CDC, 0xBEB1B8F4, 0xBE896FDB, 0xBF932231, 0xBFEBBBE5, 0x3F55B882, 0x3FC390C6, 0x3D901A23,
        0xBF1B6149, 0xBDCFCAB4, 0xBE654E9D, 0xBFCEB0A5, 0xBEDEE440, 0x3F87AE17, 0xBF25282E, 0xBF018129,
        0x3E74D195, 0xBF2F13E7, 0xBEA7DAFE, 0xBF05667D, 0xBF83B380, 0xBF3ED5D5, 0x3F36872D, 0xBFFF4961,
        0x3F87D392, 0x3FC858FF, 0x3E04F059, 0xBFBA8C00, 0xBFAED343, 0xBCE8270C, 0x3F043C79, 0x3F374EA4,
        0xBFDA1C73, 0x3E983DAA, 0x3DB1F9D1, 0xBDB99A65, 0x3FE49157, 0x3EF041A6, 0x3E9E13FC, 0x3EF8600D,
        0x3F0C7D06, 0x3EE88979, 0xBE7D6516, 0x3FAE37BF, 0xBEAED56B, 0xBE0EA64A, 0xBEDC0B7C, 0x3F68261D,
        0x3FAD4B0A, 0xBFA9B584, 0x3F87F449, 0x3F041CB7, 0xBE47D84F, 0x3F74C029, 0x3DFB21E1, 0xBF6DAC8F,
        0xBEC42ED1, 0x3F8B222E, 0x3EDBEFA3, 0xBF86B7CB, 0x3F2656B1, 0x3EFD24B4, 0x3F4949E6, 0xBF490CC6,
    ];

    /// <summary>Null when a new table has these bits, or the first difference.</summary>
    public static string? FirstDifference()
    {
        using EmbeddingTable table = EmbeddingTable.Create(Rows, Dim, Initializer.Normal(Seed));
        for (int i = 0; i < s_bits.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(table.GetRow(i / Dim)[i % Dim]);
            if (bits != s_bits[i]) return $"row {i / Dim}, column {i % Dim} is 0x{bits:X8} instead of 0x{s_bits[i]:X8}";
        }

        return null;
    }
}
