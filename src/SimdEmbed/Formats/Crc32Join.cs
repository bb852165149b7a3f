namespace SimdEmbed.Formats;

/// <summary>The CRC-32 of two pieces of bytes from those of each, which several threads may have made.</summary>
internal static class Crc32Join
{
    /// <summary>The polynomial of zip, the highest power in the lowest bit, as all numbers here.</summary>
    private const uint Polynomial = 0xedb88320;

    private const uint One = 1u << 31;

    /// <summary>The CRC of the first piece times x to the power of the second one's bits, plus the CRC of the second.</summary>
    public static uint Of(uint first, uint second, long secondBytes)
    {
        uint power = One;
        uint square = One >> 8;
        for (long bytes = secondBytes; bytes > 0; bytes >>= 1)
        {
            if ((bytes & 1) != 0) power = Multiply(square, power);
            square = Multiply(square, square);
        }

        return Multiply(power, first) ^ second;
    }

    private static uint Multiply(uint left, uint right)
    {
        uint product = 0;
        for (uint bit = One; bit != 0; bit >>= 1)
        {
            if ((left & bit) != 0) product ^= right;
            right = (right >> 1) ^ ((right & 1) != 0 ? Polynomial : 0);
        }

        return product;
    }
}
