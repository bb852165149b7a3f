using System.Numerics.Tensors;

namespace SimdEmbed.Formats;

/// <summary>From the float types of files to single precision; all but double come out exactly.</summary>
internal static unsafe class TensorConversion
{
    private static readonly float[] s_e4m3 = Float8(exponentBits: 4, bias: 7, Specials.NoInfinity);
    private static readonly float[] s_e5m2 = Float8(exponentBits: 5, bias: 15, Specials.Ieee);
    private static readonly float[] s_e4m3Fnuz = Float8(exponentBits: 4, bias: 8, Specials.OneNaN);
    private static readonly float[] s_e5m2Fnuz = Float8(exponentBits: 5, bias: 16, Specials.OneNaN);

    private enum Specials
    {
        /// <summary>The highest exponent is infinity and NaN.</summary>
        Ieee,

        /// <summary>Only all ones is NaN; the highest exponent is a number like the others.</summary>
        NoInfinity,

        /// <summary>The pattern of -0 is the NaN.</summary>
        OneNaN,
    }

    public static void ToSingle(TensorDtype dtype, byte* source, float* destination, int count)
    {
        Span<float> to = new(destination, count);
        switch (dtype)
        {
            case TensorDtype.Float32:
                new ReadOnlySpan<float>(source, count).CopyTo(to);
                break;
            case TensorDtype.Float64:
                for (int i = 0; i < count; i++) to[i] = (float)((double*)source)[i];
                break;
            case TensorDtype.Float16:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(source, count), to);
                break;
            case TensorDtype.BFloat16:
                for (int i = 0; i < count; i++) to[i] = BitConverter.UInt32BitsToSingle((uint)((ushort*)source)[i] << 16);
                break;
            default:
                float[] values = dtype switch
                {
                    TensorDtype.Float8E4M3 => s_e4m3,
                    TensorDtype.Float8E5M2 => s_e5m2,
                    TensorDtype.Float8E4M3Fnuz => s_e4m3Fnuz,
                    _ => s_e5m2Fnuz,
                };
                for (int i = 0; i < count; i++) to[i] = values[source[i]];
                break;
        }
    }

    private static float[] Float8(int exponentBits, int bias, Specials specials)
    {
        int fractionBits = 7 - exponentBits;
        int highest = (1 << exponentBits) - 1;
        float[] values = new float[256];
        for (int code = 0; code < values.Length; code++)
        {
            int exponent = (code >> fractionBits) & highest;
            int fraction = code & ((1 << fractionBits) - 1);

            // Scaled by a power of two, which is exact; the hidden bit is there from the first normal exponent on.
            float value = (exponent == 0 ? fraction : fraction + (1 << fractionBits))
                * BitConverter.Int32BitsToSingle((Math.Max(exponent, 1) - bias - fractionBits + 127) << 23);
            if (specials == Specials.Ieee && exponent == highest) value = fraction == 0 ? float.PositiveInfinity : float.NaN;
            if (specials == Specials.NoInfinity && (code & 0x7f) == 0x7f) value = float.NaN;
            if (specials == Specials.OneNaN && code == 0x80) value = float.NaN;
            values[code] = code >= 0x80 ? -value : value;
        }

        return values;
    }
}
