using SimdEmbed.Kernels;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Initializers;

[Trait("Category", "Property")]
public sealed class InitializerTests
{
    [Fact]
    public void Normal_gives_the_committed_bits() => Assert.Null(NormalVector.FirstDifference());

    [Fact]
    public void Rows_beyond_32_bits_have_bits_of_their_own()
    {
        float[] row = new float[8];
        Initializer.Normal(NormalVector.Seed).Fill(5_000_000_000, row);
        uint[] expected = [0x3EBF3D71, 0x3EAD1CB3, 0xBC817F62, 0x3F21EB65, 0x3FBEE87B, 0xBF1C8AFE, 0x3DC22C43, 0x3EF5C764];
        Assert.Equal(expected, Array.ConvertAll(row, BitConverter.SingleToUInt32Bits));
    }

    [Fact]
    public void Philox_gives_the_known_answers_of_its_authors()
    {
        Assert.Equal((0x6627E8D5u, 0xE169C58Du, 0xBC57AC4Cu, 0x9B00DBD8u), Philox.Words(0, 0, 0, 0, 0));
        const uint Ones = uint.MaxValue;
        Assert.Equal((0x408F276Du, 0x41C83B0Eu, 0xA20BC7C6u, 0x6D5451FDu), Philox.Words(ulong.MaxValue, Ones, Ones, Ones, Ones));
    }

    [Fact]
    public void A_row_does_not_depend_on_the_size_of_its_table()
    {
        using EmbeddingTable small = EmbeddingTable.Create(3, 7, Initializer.Normal(9));
        using EmbeddingTable large = EmbeddingTable.Create(50, 7, Initializer.Normal(9));
        for (int row = 0; row < 3; row++) BitEqual.AssertSameBits(small.GetRow(row), large.GetRow(row));
    }

    [Fact]
    public void Mean_and_std_shift_and_scale()
    {
        using EmbeddingTable table = EmbeddingTable.Create(2000, 50, Initializer.Normal(3, mean: 2, std: 0.5f));
        float[] values = TestTable.Values(table);
        double mean = values.Average(value => (double)value);
        double std = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
        Assert.InRange(mean, 1.99, 2.01);
        Assert.InRange(std, 0.495, 0.505);
    }

    [Fact]
    public void A_uniform_value_is_its_word_between_the_ends()
    {
        const long Row = 5_000_000_000;
        float[] row = new float[7];
        Initializer.Uniform(9, low: -2, high: 3).Fill(Row, row);
        for (int column = 0; column < row.Length; column++)
        {
            (uint x0, uint x1, uint x2, uint x3) = Philox.Words(9, (uint)(Row % (1L << 32)), 1, (uint)column / 4, 0);
            uint word = (column % 4) switch { 0 => x0, 1 => x1, 2 => x2, _ => x3 };
            Assert.Equal((float)(-2 + (5 * (word / 4294967296.0))), row[column]);
        }

        Initializer.Uniform(9, low: 2, high: 2).Fill(0, row);
        Assert.All(row, value => Assert.Equal(2f, value));
    }

    /// <summary>The standard deviation by PyTorch's formula; a uniform one ends at the root of three of them.</summary>
    [Fact]
    public void Fans_and_gains_set_the_spread()
    {
        (Initializer Initializer, double Std, bool IsUniform)[] cases =
        [
            (Initializer.Uniform(3, -0.5f, 0.5f), Math.Sqrt(1.0 / 12), true),
            (Initializer.XavierUniform(3, fanIn: 50, fanOut: 100, gain: 2), 2 * Math.Sqrt(2.0 / 150), true),
            (Initializer.XavierNormal(3, fanIn: 50, fanOut: 100, gain: 2), 2 * Math.Sqrt(2.0 / 150), false),
            (Initializer.XavierNormal(3, fanIn: 0, fanOut: 100), Math.Sqrt(2.0 / 100), false),
            (Initializer.KaimingUniform(3, fan: 50), Math.Sqrt(2.0 / 50), true),
            (Initializer.KaimingNormal(3, fan: 50, negativeSlope: 1), Math.Sqrt(2.0 / 100), false),
        ];
        foreach ((Initializer initializer, double expected, bool isUniform) in cases)
        {
            using EmbeddingTable table = EmbeddingTable.Create(2000, 50, initializer);
            float[] values = TestTable.Values(table);
            double mean = values.Average(value => (double)value);
            double std = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
            double most = values.Max(value => Math.Abs((double)value)) / expected;
            Assert.InRange(mean, -0.03 * expected, 0.03 * expected);
            Assert.InRange(std, 0.98 * expected, 1.02 * expected);
            Assert.InRange(most, isUniform ? 1.73 : 3.5, isUniform ? 1.7321 : 6.7);
        }
    }

    [Fact]
    public void Zeros_are_zeros_and_the_default()
    {
        using EmbeddingTable table = EmbeddingTable.Create(2, 3, Initializer.Zeros);
        Assert.Equal(default, Initializer.Zeros);
        Assert.All(TestTable.Values(table), value => Assert.Equal(0f, value));
    }

    [Theory]
    [InlineData(float.NaN, 1f, "mean")]
    [InlineData(float.PositiveInfinity, 1f, "mean")]
    [InlineData(0f, -1f, "std")]
    [InlineData(0f, float.NaN, "std")]
    public void Parameters_that_are_no_distribution_are_refused(float mean, float std, string name) =>
        Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => Initializer.Normal(1, mean, std)).ParamName);

    [Fact]
    public void Ends_fans_and_gains_out_of_range_are_refused()
    {
        Refused("low", () => Initializer.Uniform(1, low: float.NaN));
        Refused("high", () => Initializer.Uniform(1, high: float.PositiveInfinity));
        Refused("high", () => Initializer.Uniform(1, low: 2, high: 1));
        Refused("fanIn", () => Initializer.XavierUniform(1, fanIn: -1, fanOut: 3));
        Refused("fanOut", () => Initializer.XavierUniform(1, fanIn: 3, fanOut: -1));
        Refused("fanOut", () => Initializer.XavierNormal(1, fanIn: 0, fanOut: 0));
        Refused("gain", () => Initializer.XavierNormal(1, fanIn: 3, fanOut: 3, gain: -1));
        Refused("gain", () => Initializer.XavierUniform(1, fanIn: 3, fanOut: 3, gain: float.NaN));
        Refused("fan", () => Initializer.KaimingUniform(1, fan: 0));
        Refused("negativeSlope", () => Initializer.KaimingNormal(1, fan: 3, negativeSlope: float.PositiveInfinity));

        static void Refused(string name, Action call) => Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(call).ParamName);
    }
}
