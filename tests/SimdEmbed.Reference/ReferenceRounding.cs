namespace SimdEmbed.Reference;

/// <summary>The definition of right for stochastic rounding, one column at a time.</summary>
public static class ReferenceRounding
{
    /// <summary>One of the two bfloat16 around a number: a random number below their distance is added, and the lower half of the bits dropped.</summary>
    public static float BFloat16(float x, uint noise)
    {
        if (!float.IsFinite(x)) return x;
        uint bits = BitConverter.SingleToUInt32Bits(x) + (noise >> 16);
        return BitConverter.UInt32BitsToSingle(bits & 0xFFFF0000);
    }

    /// <summary>One of the two halves around a number: up, if what is above the lower one is more than a random share of their distance.</summary>
    public static float Float16(float x, uint noise)
    {
        if (!(Math.Abs(x) < 65504)) return (float)(Half)Overflow(x, noise);
        double step = Math.Pow(2, -24);
        while (Math.Abs(x) >= step * 2048) step *= 2;
        float steps = (float)(x / step);
        float lower = (float)Math.Floor(steps);
        float rest = steps - lower;
        float chance = (noise >> 8) * (1f / 16777216);
        float chosen = rest > chance ? lower + 1 : lower;
        return (float)(chosen * step);
    }

    /// <summary>Between the largest half and the power of two above it, which stands for infinity.</summary>
    private static float Overflow(float x, uint noise)
    {
        if (!(Math.Abs(x) < 65536)) return x;
        float steps = x / 32;
        float lower = (float)Math.Floor(steps);
        return (steps - lower > (noise >> 8) * (1f / 16777216) ? lower + 1 : lower) * 32;
    }

    /// <summary>The random word of an element.</summary>
    public static uint Noise(ulong seed, int parameter, long step, long row, int column)
    {
        (uint first, uint second, uint third) = Philox(seed, (uint)row, (uint)(row >> 32), (uint)step, 0x8000_0000 | (uint)parameter);
        uint x = unchecked(((uint)column * 0x9E3779B9) + first);
        x = unchecked((x ^ (x >> 16)) * 0x85EBCA6B);
        x ^= second;
        x = unchecked((x ^ (x >> 13)) * 0xC2B2AE35);
        return x ^ (x >> 16) ^ third;
    }

    private static (uint First, uint Second, uint Third) Philox(ulong key, uint c0, uint c1, uint c2, uint c3)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = 0xD2511F53UL * c0, p1 = 0xCD9E8D57UL * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 = unchecked(k0 + 0x9E3779B9);
            k1 = unchecked(k1 + 0xBB67AE85);
        }

        return (c0, c1, c2);
    }
}
