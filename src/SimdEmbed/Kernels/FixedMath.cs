using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>
/// The few functions that results need beyond + - * / sqrt, as polynomials in double whose bits depend on nothing but the
/// argument. libm's change with the machine and its version.
/// </summary>
internal static class FixedMath
{
    private const double Ln2 = 0.693147180559945309417232121458;
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;
    private const double Log2E = 1.44269504088896340735992468100;
    private const double Sqrt2 = 1.41421356237309504880168872421;
    private const double Tau = 6.28318530717958647692528676656;

    /// <summary>ln(x), within 2 ulp; -infinity at 0, NaN below.</summary>
    public static double Log(double x)
    {
        if (!(x > 0)) return x == 0 ? double.NegativeInfinity : double.NaN;
        if (double.IsInfinity(x)) return x;
        int exponent = 0;
        if (x < 2.2250738585072014e-308)
        {
            // A subnormal has no implicit one: 2^54 makes it normal.
            x *= 18014398509481984.0;
            exponent = -54;
        }

        // x = mantissa * 2^exponent with the mantissa between sqrt(1/2) and sqrt(2), where the series is short.
        long bits = BitConverter.DoubleToInt64Bits(x);
        exponent += (int)(bits >> 52) - 1023;
        double mantissa = BitConverter.Int64BitsToDouble((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
        if (mantissa > Sqrt2)
        {
            mantissa *= 0.5;
            exponent++;
        }

        // ln m = 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1); |s| <= 0.1716, so s^23/23 is the last term that counts.
        double s = (mantissa - 1) / (mantissa + 1);
        double t = s * s;
        double series = 1.0 / 23;
        series = (series * t) + (1.0 / 21);
        series = (series * t) + (1.0 / 19);
        series = (series * t) + (1.0 / 17);
        series = (series * t) + (1.0 / 15);
        series = (series * t) + (1.0 / 13);
        series = (series * t) + (1.0 / 11);
        series = (series * t) + (1.0 / 9);
        series = (series * t) + (1.0 / 7);
        series = (series * t) + (1.0 / 5);
        series = (series * t) + (1.0 / 3);
        return (exponent * Ln2) + ((2 * s) + (2 * s * t * series));
    }

    /// <summary>e^x, within 2 ulp; infinite above 709.78, subnormal and then 0 below -708.4.</summary>
    public static double Exp(double x)
    {
        if (double.IsNaN(x)) return x;
        if (x > 709.782712893384) return double.PositiveInfinity;
        if (x < -745.2) return 0;

        // x = k ln 2 + r with |r| <= ln 2 / 2. ln 2 comes in two parts, the first with 21 zero bits, so that k times it is exact.
        double k = Math.Floor((x * Log2E) + 0.5);
        double r = (x - (k * Ln2High)) - (k * Ln2Low);

        // At 0.347 the first term left out, r^14/14!, is 4e-18.
        double series = 1.0 / 6227020800;
        series = (series * r) + (1.0 / 479001600);
        series = (series * r) + (1.0 / 39916800);
        series = (series * r) + (1.0 / 3628800);
        series = (series * r) + (1.0 / 362880);
        series = (series * r) + (1.0 / 40320);
        series = (series * r) + (1.0 / 5040);
        series = (series * r) + (1.0 / 720);
        series = (series * r) + (1.0 / 120);
        series = (series * r) + (1.0 / 24);
        series = (series * r) + (1.0 / 6);
        series = (series * r) + 0.5;
        double mantissa = 1 + (r + (r * r * series));

        // 2^k in two factors: k reaches 1024 and -1075, where one factor would be out of range.
        int half = (int)k >> 1;
        return mantissa * PowerOfTwo(half) * PowerOfTwo((int)k - half);
    }

    /// <summary>ln(1 + x) for x of 0 or more, without losing an x that is small beside 1.</summary>
    public static double Log1P(double x)
    {
        double sum = 1 + x;
        return sum == 1 || double.IsInfinity(sum) ? x : Log(sum) * (x / (sum - 1));
    }

    /// <summary>x^y for x of 0 or more.</summary>
    public static double Pow(double x, double y) => y switch
    {
        0 => 1,
        1 => x,
        _ when x == 0 => y > 0 ? 0 : y < 0 ? double.PositiveInfinity : double.NaN,
        _ => Exp(y * Log(x)),
    };

    /// <summary>Sine and cosine of <paramref name="turns"/> full turns, 0 to 1: the reduction to an eighth is exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (double Sin, double Cos) SinCosTurns(double turns)
    {
        int quadrant = (int)((turns * 4) + 0.5);
        double angle = (turns - (quadrant * 0.25)) * Tau;

        // Taylor series: at pi/4 the first term left out is 8e-20.
        double t = angle * angle;
        double sin = 1.0 / 355687428096000;
        sin = (sin * t) - (1.0 / 1307674368000);
        sin = (sin * t) + (1.0 / 6227020800);
        sin = (sin * t) - (1.0 / 39916800);
        sin = (sin * t) + (1.0 / 362880);
        sin = (sin * t) - (1.0 / 5040);
        sin = (sin * t) + (1.0 / 120);
        sin = (sin * t) - (1.0 / 6);
        sin = angle + (angle * t * sin);

        double cos = 1.0 / 20922789888000;
        cos = (cos * t) - (1.0 / 87178291200);
        cos = (cos * t) + (1.0 / 479001600);
        cos = (cos * t) - (1.0 / 3628800);
        cos = (cos * t) + (1.0 / 40320);
        cos = (cos * t) - (1.0 / 720);
        cos = (cos * t) + (1.0 / 24);
        cos = 1 - (t * 0.5) + (t * t * cos);

        return (quadrant & 3) switch
        {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        };
    }

    private static double PowerOfTwo(int exponent) => BitConverter.Int64BitsToDouble((long)(exponent + 1023) << 52);

    /// <summary><c>x^n</c> for a whole n of 0 or more, by repeated squaring: the same multiplications everywhere.</summary>
    public static double PowInteger(double x, long n)
    {
        double result = 1;
        for (; n > 0; n >>= 1, x *= x)
        {
            if ((n & 1) != 0) result *= x;
        }

        return result;
    }
}
