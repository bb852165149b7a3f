namespace SimdEmbed.Reference;

/// <summary>A row as a codec keeps it: what is left of each column, and the row's scale and bias where it has them.</summary>
/// <param name="Codes">One for each column: a code, or the rounded number itself.</param>
/// <param name="Scale">1 where the codec has none.</param>
/// <param name="Bias">0 where the codec has none.</param>
/// <param name="IsAffine">Whether a column is <c>code * scale + bias</c>.</param>
public sealed record ReferenceRow(float[] Codes, float Scale, float Bias, bool IsAffine)
{
    /// <summary>The row in float32: the product rounds, then the sum.</summary>
    public float[] Decode()
    {
        float[] values = [.. Codes];
        for (int j = 0; j < values.Length && IsAffine; j++)
        {
            float product = values[j] * Scale;
            values[j] = product + Bias;
        }

        return values;
    }
}

/// <summary>The definition of right for compact rows, one column at a time.</summary>
public static class ReferenceCodec
{
    /// <summary>Half precision: nearest, ties to even.</summary>
    public static ReferenceRow Float16(float[] row) => new(Array.ConvertAll(row, x => (float)(Half)x), 1, 0, false);

    /// <summary>The upper 16 bits, rounded to nearest even.</summary>
    public static ReferenceRow BFloat16(float[] row) => new(Array.ConvertAll(row, Upper), 1, 0, false);

    /// <summary>8-bit codes; scale and bias in float32.</summary>
    public static ReferenceRow Int8(float[] row)
    {
        (float low, float high) = Range(row);
        float range = high - low;
        float inverse = 255f / (range + 1e-8f);
        return new ReferenceRow(Array.ConvertAll(row, x => Code(x, low, inverse, 255)), range / 255f, low, true);
    }

    /// <summary>4- or 2-bit codes; scale and bias rounded to half precision.</summary>
    public static ReferenceRow Narrow(float[] row, int bits)
    {
        int top = (1 << bits) - 1;
        (float smallest, float high) = Range(row);
        float low = (float)(Half)smallest;
        float range = high - low;
        float scale = range == 0 ? 1 : (float)(Half)(range / top);
        if (scale == 0 || float.IsInfinity(1 / scale)) scale = 1;
        float inverse = 1 / scale;
        return new ReferenceRow(Array.ConvertAll(row, x => Code(x, low, inverse, top)), scale, low, true);
    }

    private static (float Low, float High) Range(float[] row)
    {
        float low = row[0];
        float high = row[0];
        foreach (float x in row)
        {
            if (x < low) low = x;
            if (x > high) high = x;
        }

        return (low == 0 ? 0 : low, high == 0 ? 0 : high);
    }

    private static float Code(float x, float low, float inverse, int top)
    {
        float distance = x - low;
        float steps = distance * inverse;
        double code = Math.Round(steps, MidpointRounding.ToEven);
        return code > 0 ? (float)Math.Min(code, top) : 0;
    }

    private static float Upper(float x)
    {
        if (float.IsNaN(x)) return float.NaN;
        uint bits = BitConverter.SingleToUInt32Bits(x);
        uint rest = bits & 0xFFFF;
        uint upper = bits >> 16;
        if (rest > 0x8000 || (rest == 0x8000 && upper % 2 == 1)) upper++;
        return BitConverter.UInt32BitsToSingle(upper << 16);
    }
}
