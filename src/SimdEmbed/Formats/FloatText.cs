using System.Buffers;
using System.Globalization;

namespace SimdEmbed.Formats;

/// <summary>
/// Decimal numbers to floats, correctly rounded: the bits are those of <see cref="float.Parse(string)"/>, which every other
/// reader of these files gives too, at a quarter of its time.
/// </summary>
internal static unsafe class FloatText
{
    private const int MaxDigits = 19;
    private const int MaxExponentDigits = 4;
    private const ulong MaxExactMantissa = 1UL << 53;

    // A double ends in 29 bits that a float does not have; this is one half of the float's last place.
    private const ulong RoundedBits = (1UL << 29) - 1;
    private const ulong Half = 1UL << 28;

    private const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    private static readonly SearchValues<byte> s_decimal = SearchValues.Create("0123456789.+-eE"u8);

    /// <summary>The powers of ten that a double has exactly.</summary>
    private static readonly double[] s_powers =
    [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ];

    /// <summary>Reads a number that ends at a space or at <paramref name="end"/>, where a byte lies that is part of no number.</summary>
    /// <returns>Where the number ended; null when there is none.</returns>
    public static byte* Parse(byte* text, byte* end, out float value)
    {
        byte* at = text;
        bool isNegative = *at == '-';
        if (isNegative || *at == '+') at++;

        // Overflow of the mantissa is harmless: too many digits go the other way.
        ulong mantissa = 0;
        byte* start = at;
        at = Digits(at, ref mantissa);
        long digits = at - start;
        long exponent = 0;
        if (*at == '.')
        {
            start = ++at;
            at = Digits(at, ref mantissa);
            exponent = start - at;
            digits -= exponent;
        }

        if (digits is 0 or > MaxDigits || mantissa > MaxExactMantissa) return ParseRare(text, end, out value);
        if ((*at | 0x20) == 'e')
        {
            at++;
            bool isSmall = *at == '-';
            if (isSmall || *at == '+') at++;
            ulong power = 0;
            start = at;
            at = Digits(at, ref power);
            if (at - start is 0 or > MaxExponentDigits) return ParseRare(text, end, out value);
            exponent += isSmall ? -(long)power : (long)power;
        }

        if (at != end && *at != ' ') return ParseRare(text, end, out value);
        if (exponent is < -22 or > 22) return ParseRare(text, end, out value);

        // Both are exact, so that the one operation rounds correctly; rounding again to float is wrong only on the middle
        // between two floats. No result here is subnormal or infinite.
        double exact = exponent < 0 ? mantissa / s_powers[-exponent] : mantissa * s_powers[exponent];
        if ((BitConverter.DoubleToUInt64Bits(exact) & RoundedBits) == Half) return ParseRare(text, end, out value);
        value = (float)(isNegative ? -exact : exact);
        return at;
    }

    private static byte* Digits(byte* at, ref ulong number)
    {
        uint digit;
        while ((digit = (uint)(*at - '0')) <= 9)
        {
            number = (number * 10) + digit;
            at++;
        }

        return at;
    }

    /// <summary>Long, huge and tiny numbers, exact halves, infinities and NaN; hexadecimal and everything else is refused.</summary>
    private static byte* ParseRare(byte* text, byte* end, out float value)
    {
        ReadOnlySpan<byte> token = new(text, (int)(end - text));
        int space = token.IndexOf((byte)' ');
        if (space >= 0) token = token[..space];
        return TryParseRare(token, out value) ? text + token.Length : null;
    }

    private static bool TryParseRare(ReadOnlySpan<byte> token, out float value)
    {
        if (!token.ContainsAnyExcept(s_decimal)) return float.TryParse(token, Styles, CultureInfo.InvariantCulture, out value);
        bool isNegative = token[0] == '-';
        if (isNegative || token[0] == '+') token = token[1..];
        value = Is(token, "nan"u8) ? float.NaN : isNegative ? float.NegativeInfinity : float.PositiveInfinity;
        return Is(token, "nan"u8) || Is(token, "inf"u8) || Is(token, "infinity"u8);
    }

    private static bool Is(ReadOnlySpan<byte> token, ReadOnlySpan<byte> name) => System.Text.Ascii.EqualsIgnoreCase(token, name);
}
