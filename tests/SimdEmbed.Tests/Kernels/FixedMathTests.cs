using SimdEmbed.Kernels;
using Xunit;

namespace SimdEmbed.Tests.Kernels;

public sealed class FixedMathTests
{
    [Fact]
    public void Log_is_within_two_ulp()
    {
        Random random = new(1);
        for (int i = 0; i < 200_000; i++)
        {
            double x = i % 2 == 0 ? random.NextDouble() : Math.Pow(2, (random.NextDouble() - 0.5) * 2000);
            double expected = Math.Log(x);
            Assert.InRange(FixedMath.Log(x), expected - (2 * Math.BitIncrement(Math.Abs(expected)) * 2.3e-16), expected + (2 * Math.BitIncrement(Math.Abs(expected)) * 2.3e-16));
        }
    }

    [Theory]
    [InlineData(0.0, double.NegativeInfinity)]
    [InlineData(1.0, 0.0)]
    [InlineData(-1.0, double.NaN)]
    [InlineData(double.NaN, double.NaN)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(double.Epsilon, -744.4400719213812)]
    public void Log_has_the_values_at_the_ends(double x, double expected) => Assert.Equal(expected, FixedMath.Log(x));

    [Fact]
    public void Sine_and_cosine_are_within_2e_16_and_exact_at_quarter_turns()
    {
        Assert.Equal((0.0, 1.0), FixedMath.SinCosTurns(0));
        Assert.Equal((1.0, 0.0), Absolute(FixedMath.SinCosTurns(0.25)));
        Assert.Equal((0.0, -1.0), Absolute(FixedMath.SinCosTurns(0.5), keepCosine: true));
        for (int i = 0; i < 100_000; i++)
        {
            double turns = i / 100_000.0;
            (double sin, double cos) = FixedMath.SinCosTurns(turns);
            Assert.InRange(sin - Math.Sin(turns * Math.Tau), -1e-15, 1e-15);
            Assert.InRange(cos - Math.Cos(turns * Math.Tau), -1e-15, 1e-15);
        }
    }

    private static (double Sin, double Cos) Absolute((double Sin, double Cos) value, bool keepCosine = false) =>
        (Math.Abs(value.Sin), keepCosine ? value.Cos : Math.Abs(value.Cos));
}
