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
}
