using System.Globalization;
using System.Text;
using SimdEmbed.Formats;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>Numbers in text: the bits the runtime's own parser gives, and nothing else taken for a number.</summary>
public sealed unsafe class FloatTextTests
{
    private const int Cases = 300_000;

    [Fact]
    public void The_bits_are_those_of_the_runtimes_parser()
    {
        Random random = new(11);
        string[] formats = ["R", "F6", "E7", "G17", "F1", "E20", "0.#####", "F40"];
        for (int i = 0; i < Cases; i++)
        {
            float value = (i & 1) == 0 ? BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)) : (random.NextSingle() - 0.5f) * 4;
            if (float.IsFinite(value)) AssertSame(value.ToString(formats[i % formats.Length], CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Where rounding to double first and to float after would go wrong: halves between two floats, and a hair off them.</summary>
    [Fact]
    public void Halves_between_two_floats_are_rounded_once()
    {
        Random random = new(12);
        for (int i = 0; i < Cases / 10; i++)
        {
            float low = BitConverter.Int32BitsToSingle(random.Next(0x20000000, 0x5F000000));
            double middle = ((double)low + BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(low) + 1)) / 2;
            string text = middle.ToString("F60", CultureInfo.InvariantCulture).TrimEnd('0');
            AssertSame(text);
            AssertSame(text + "1");
            AssertSame(middle.ToString("E16", CultureInfo.InvariantCulture));
        }

        // Short decimals beside the middle that become the middle as a double: the path that has to notice it is the fast one.
        int beside = 0;
        for (int i = 0; i < Cases; i++)
        {
            float low = BitConverter.Int32BitsToSingle(random.Next(0x30000000, 0x4B000000));
            double middle = ((double)low + MathF.BitIncrement(low)) / 2;
            int exponent = (int)Math.Floor(Math.Log10((1L << 53) / middle));
            long mantissa = (long)Math.Round(middle * Math.Pow(10, exponent));
            if (exponent > 22 || mantissa / Math.Pow(10, exponent) != middle) continue;
            beside++;
            AssertSame(string.Create(CultureInfo.InvariantCulture, $"{mantissa}e-{exponent}"));
        }

        Assert.True(beside > 1000, $"{beside} decimals beside a middle");

        AssertSame("16777217");
        AssertSame("16777217.0000000001");
        AssertSame("16777219");
        AssertSame("9007199791611905");
    }

    [Theory]
    [InlineData("nan", float.NaN)]
    [InlineData("-NaN", float.NaN)]
    [InlineData("inf", float.PositiveInfinity)]
    [InlineData("+Infinity", float.PositiveInfinity)]
    [InlineData("-INF", float.NegativeInfinity)]
    [InlineData("1e999", float.PositiveInfinity)]
    [InlineData("1e-99999", 0f)]
    [InlineData("-0", -0f)]
    [InlineData("-0.000e7", -0f)]
    public void Infinities_and_NaN_are_numbers(string text, float expected) => Assert.True(BitEqual.Values(expected, Parse(text)!.Value));

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData(".")]
    [InlineData("e5")]
    [InlineData("1e")]
    [InlineData("1e+")]
    [InlineData("1.5.2")]
    [InlineData("1-2")]
    [InlineData("--1")]
    [InlineData("0x10")]
    [InlineData("1_000")]
    [InlineData("1,5")]
    [InlineData("infinit")]
    [InlineData("nan0")]
    [InlineData("\t1")]
    [InlineData("1\t")]
    [InlineData("¹")]
    public void Nothing_else_is(string text) => Assert.Null(Parse(text));

    private static void AssertSame(string text)
    {
        float expected = float.Parse(text, CultureInfo.InvariantCulture);
        float? actual = Parse(text);
        if (actual is not float value || !BitEqual.SameBits(expected, value)) Assert.Fail($"{text} is {expected:R}, not {actual:R}");
    }

    private static float? Parse(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text + "\n");
        fixed (byte* start = bytes)
        {
            byte* end = start + bytes.Length - 1;
            byte* read = FloatText.Parse(start, end, out float value);
            Assert.True(read == null || read == end);
            return read == null ? null : value;
        }
    }
}
