using System.Text;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>
/// Tables that end near the end of a file's last page. Rows that are no float32 are read in whole vectors, also behind the last, and a
/// process that reads behind the last page of a mapping ends.
/// </summary>
public sealed class MappedEndTests
{
    private const int Rows = 5;
    private const int Dim = 12;

    public static TheoryData<RowCodec> Codecs => [.. Enum.GetValues<RowCodec>()];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Rows_are_mapped_where_a_vector_may_be_read_behind_the_last_and_loaded_everywhere(RowCodec codec)
    {
        using TempFolder folder = new();
        using EmbeddingTable floats = EmbeddingTable.Create(Rows, Dim, Initializer.Normal(3));
        using EmbeddingTable table = floats.ConvertTo(codec);
        for (int left = 0; left <= AlignedMemory.Overread + 1; left++)
        {
            AssertMapped(folder[$"end{left}"], table, left, behind: 0, canBeMapped: codec == RowCodec.Float32 || left >= AlignedMemory.Overread);
        }
    }

    [Theory]
    [InlineData(0, AlignedMemory.Overread - 1, false)]
    [InlineData(0, AlignedMemory.Overread, true)]
    [InlineData(1, AlignedMemory.Overread - 2, false)]
    [InlineData(1, AlignedMemory.Overread - 1, true)]
    public void Bytes_of_other_tensors_behind_the_rows_count(int left, int behind, bool canBeMapped)
    {
        using TempFolder folder = new();
        using EmbeddingTable floats = EmbeddingTable.Create(Rows, Dim, Initializer.Normal(3));
        foreach (RowCodec codec in Enum.GetValues<RowCodec>())
        {
            using EmbeddingTable table = floats.ConvertTo(codec);
            AssertMapped(folder[$"{codec}"], table, left, behind, canBeMapped || codec == RowCodec.Float32);
        }
    }

    /// <summary>At the border of the last page but one, a single byte behind the rows brings a whole page.</summary>
    [Fact]
    public void One_byte_in_the_next_page_is_enough()
    {
        using TempFolder folder = new();
        using EmbeddingTable floats = EmbeddingTable.Create(Rows, Dim, Initializer.Normal(3));
        using EmbeddingTable half = floats.ConvertTo(RowCodec.Float16);
        AssertMapped(folder["page"], half, left: Environment.SystemPageSize - 1, behind: 1, canBeMapped: true);
    }

    private static void AssertMapped(string path, EmbeddingTable table, int left, int behind, bool canBeMapped)
    {
        Write(path, table, left, behind);
        Assert.Equal(left, (Environment.SystemPageSize - (new FileInfo(path).Length % Environment.SystemPageSize)) % Environment.SystemPageSize);
        using TableFile file = TableFile.Open(path);
        using EmbeddingTable loaded = file.LoadTable("w", new LoadOptions { KeepHalf = true });
        Assert.Equal(table.Codec, loaded.Codec);
        BitEqual.AssertSameBits(TestTable.Values(table), TestTable.Values(loaded));
        Assert.True(canBeMapped == file.CanMapTable("w"), $"{table.Codec}, {left} bytes left of the page, {behind} behind the rows");
        if (!canBeMapped)
        {
            Assert.Equal("map-layout", Assert.Throws<TableFormatException>(() => file.MapTable("w")).Rule);
            return;
        }

        using EmbeddingTable mapped = file.MapTable("w");
        BitEqual.AssertSameBits(TestTable.Values(table), TestTable.Values(mapped));
        using EmbeddingBag bag = new(mapped, Pooling.Sum, leaveOpen: true), expected = new(table, Pooling.Sum, leaveOpen: true);
        float[] actualSum = new float[Dim], expectedSum = new float[Dim];
        int[] last = [Rows - 1, Rows - 1];
        bag.Forward(Bags<int>.FixedLength(last, last.Length), actualSum);
        expected.Forward(Bags<int>.FixedLength(last, last.Length), expectedSum);
        BitEqual.AssertSameBits(expectedSum, actualSum);
    }

    /// <summary>A file that ends some bytes before a page does, its table as many bytes before that; by hand, because the writer keeps room.</summary>
    private static unsafe void Write(string path, EmbeddingTable table, int left, int behind)
    {
        ref readonly RowView view = ref table.OpenRead();
        int bytes = (int)(view.Count * view.Stride);
        byte[] pairs = view.Side == null ? [] : new ReadOnlySpan<byte>(view.Side, Rows * 2 * sizeof(float)).ToArray();
        (string dtype, long columns) = table.Codec switch
        {
            RowCodec.Float32 => ("F32", Dim),
            RowCodec.Float16 => ("F16", Dim),
            RowCodec.BFloat16 => ("BF16", Dim),
            _ => ("I32", view.Stride / sizeof(int)),
        };
        string codes = pairs.Length == 0 ? "" : $$$"""
            "__metadata__":{"simdembed.codec.w":"{{{table.Codec.ToString().ToLowerInvariant()}}} {{{Dim}}}"},
            "w.scale_bias":{"dtype":"F32","shape":[{{{Rows}}},2],"data_offsets":[0,{{{pairs.Length}}}]},
            """;
        int end = pairs.Length + bytes;
        string header = $$$"""
            {{{{codes}}}"w":{"dtype":"{{{dtype}}}","shape":[{{{Rows}}},{{{columns}}}],"data_offsets":[{{{pairs.Length}}},{{{end}}}]},
            "behind":{"dtype":"U8","shape":[{{{behind}}}],"data_offsets":[{{{end}}},{{{end + behind}}}]}}
            """;
        int page = Environment.SystemPageSize;
        int length = (((sizeof(long) + header.Length + end + behind + left) / page) + 1) * page;
        byte[] json = Encoding.UTF8.GetBytes(header.PadRight(length - left - behind - end - sizeof(long)));
        byte[] rows = new ReadOnlySpan<byte>(view.Rows, bytes).ToArray();
        GC.KeepAlive(table);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. pairs, .. rows, .. new byte[behind]]);
    }
}
