using SimdEmbed.Kernels;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>Compact tables in safetensors files: what was saved comes back bit for bit, loaded or mapped.</summary>
public sealed class CompactTableFileTests
{
    public static TheoryData<RowCodec, int> Tables()
    {
        TheoryData<RowCodec, int> tables = [];
        foreach (RowCodec codec in Enum.GetValues<RowCodec>())
        {
            foreach (int dim in new[] { 1, 3, 8, 31, 64, 65, 200 }) tables.Add(codec, dim);
        }

        return tables;
    }

    [Theory]
    [MemberData(nameof(Tables))]
    public void A_compact_table_comes_back_bit_for_bit_loaded_and_mapped(RowCodec codec, int dim)
    {
        using TempFolder folder = new();
        foreach (int rows in new[] { 0, 1, 7, 100 })
        {
            using EmbeddingTable table = NewTable(codec, rows, dim);
            SafetensorsWriter writer = new();
            writer.Add("items", table);
            writer.Add("other", TensorDtype.UInt8, [3], new byte[] { 1, 2, 3 });
            writer.Save(folder["t"]);
            using TableFile file = TableFile.Open(folder["t"]);
            Assert.Equal(codec == RowCodec.Float32 || codec == RowCodec.Float16 || codec == RowCodec.BFloat16 ? 2 : 3, file.Verify());
            Assert.True(file.TryGetTensor("items", out TensorInfo? info));
            Assert.Equal((codec, dim, true), (info.Codec, info.Dim, info.IsTable));
            Assert.Equal(table.ByteCount, info.RowBytes * rows);
            using EmbeddingTable loaded = file.LoadTable(new LoadOptions { KeepHalf = true });
            AssertSame(table, loaded);
            Assert.False(loaded.IsReadOnly);
            if (rows == 0) continue;
            Assert.True(file.CanMapTable("items"));
            using EmbeddingTable mapped = file.MapTable();
            AssertSame(table, mapped);
            Assert.True(mapped.IsReadOnly);

            Assert.Throws<InvalidOperationException>(() => mapped.SetRow(0, new float[dim]));
            if (codec == RowCodec.Int8) Assert.Throws<InvalidOperationException>(() => mapped.SetPackedRow(0, new byte[dim + 8]));

            // The whole of what a table is served with, on memory that is the file's.
            long[] indices = [rows - 1, 0, rows - 1];
            Assert.Equal(Pooled(table, indices), Pooled(mapped, indices));
            using EmbeddingTable copy = mapped.Resize(rows + 1, Initializer.Zeros);
            Assert.Equal(TestTable.Values(table), TestTable.Values(copy).AsSpan(0, rows * dim).ToArray());
        }
    }

    /// <summary>Whatever the length of a file, there is room behind it in its last page.</summary>
    [Theory]
    [InlineData(RowCodec.Float16)]
    [InlineData(RowCodec.Int2)]
    public void Every_file_that_is_written_can_be_mapped(RowCodec codec)
    {
        using TempFolder folder = new();
        for (int rows = 1; rows < 1400; rows += codec == RowCodec.Float16 ? 1 : 7)
        {
            using EmbeddingTable table = NewTable(codec, rows, 3);
            SafetensorsWriter writer = new() { IncludeHashes = false };
            writer.Add("items", table);
            writer.Save(folder["t"]);
            long length = new FileInfo(folder["t"]).Length;
            Assert.True(length % 4096 is not 0 and <= 4096 - 64, $"{rows} rows make a file of {length} bytes");
            using TableFile file = TableFile.Open(folder["t"]);
            Assert.True(file.CanMapTable("items"));
        }
    }

    [Fact]
    public void Half_width_tensors_become_float32_unless_they_are_to_be_kept()
    {
        using TempFolder folder = new();
        using EmbeddingTable half = NewTable(RowCodec.Float16, 5, 9);
        SafetensorsWriter writer = new();
        writer.Add("w", half);
        writer.Save(folder["t"]);
        using TableFile file = TableFile.Open(folder["t"]);
        using EmbeddingTable floats = file.LoadTable("w"), kept = file.LoadTable("w", new LoadOptions { KeepHalf = true });
        Assert.Equal((RowCodec.Float32, RowCodec.Float16), (floats.Codec, kept.Codec));
        BitEqual.AssertSameBits(TestTable.Values(half), TestTable.Values(floats));
        BitEqual.AssertSameBits(TestTable.Values(half), TestTable.Values(kept));
    }

    [Theory]
    [InlineData(RowCodec.Int8)]
    [InlineData(RowCodec.Int4)]
    [InlineData(RowCodec.Int2)]
    public void Converting_keeps_codes_in_safetensors_and_decodes_them_elsewhere(RowCodec codec)
    {
        using TempFolder folder = new();
        using EmbeddingTable table = NewTable(codec, 20, 33);
        SafetensorsWriter writer = new();
        writer.Add("w", table);
        writer.Metadata["note"] = "kept";
        writer.Save(folder["t.safetensors"]);
        using TableFile file = TableFile.Open(folder["t.safetensors"]);
        file.SaveAs(folder["again.safetensors"], TableFileFormat.Safetensors);
        file.SaveAs(folder["one.safetensors"], TableFileFormat.Safetensors, "w");
        Assert.Equal(File.ReadAllBytes(folder["t.safetensors"]), File.ReadAllBytes(folder["again.safetensors"]));
        Assert.Equal(File.ReadAllBytes(folder["t.safetensors"]), File.ReadAllBytes(folder["one.safetensors"]));
        foreach (TableFileFormat format in new[] { TableFileFormat.Npy, TableFileFormat.Npz, TableFileFormat.PyTorch })
        {
            file.SaveAs(folder["other"], format);
            using TableFile other = TableFile.Open(folder["other"]);
            Assert.Single(other.Tensors);
            using EmbeddingTable decoded = other.LoadTable();
            BitEqual.AssertSameBits(TestTable.Values(table), TestTable.Values(decoded), $"{format}");
        }

        file.SaveAs(folder["pairs.npz"], TableFileFormat.Npz, "w.scale_bias");
        using TableFile pairs = TableFile.Open(folder["pairs.npz"]);
        Assert.Equal("w.scale_bias: float32 [20, 2]", Assert.Single(pairs.Tensors).ToString());
        Assert.Throws<ArgumentException>(() => NumpyFile.Save(folder["codes.npy"], table));
        Assert.Throws<ArgumentException>(() => PyTorchCheckpoint.Save(folder["codes.pth"], new StateDict { ["w"] = table }));
    }

    [Fact]
    public void Words_stay_beside_compact_rows()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = NewTable(RowCodec.Int4, 3, 10);
        using WordTable words = new(table, new Vocabulary(["king", "queen", "naive"]));
        WordTensors.Save(folder["w"], "w", words, TableFileFormat.Safetensors);
        using TableFile file = TableFile.Open(folder["w"]);
        using WordTable loaded = file.LoadWords("w");
        AssertSame(table, loaded.Table);
        Assert.Equal("queen", loaded.Vocabulary.GetWord(1));
        using WordTable remapped = loaded.Remap(new Vocabulary(["queen", "new"]), Initializer.Zeros, out RemapReport report);
        Assert.Equal((1, 1, 2), (report.Kept, report.Added, report.Dropped));
        float[] before = new float[10], after = new float[10];
        table.CopyRowTo(1, before);
        remapped.Table.CopyRowTo(0, after);
        Assert.Equal(before, after);
        Assert.Throws<ArgumentException>(() => WordTensors.Save(folder["x"], "w", words, TableFileFormat.Npz));
    }

    [Fact]
    public void Two_names_are_taken_or_none()
    {
        using EmbeddingTable table = NewTable(RowCodec.Int8, 2, 8);
        SafetensorsWriter writer = new();
        writer.Add("w", TensorDtype.UInt8, [1], new byte[1]);
        Assert.Throws<ArgumentException>(() => writer.Add("w", table));
        writer.Add("w.scale_bias", TensorDtype.UInt8, [1], new byte[1]);
        using MemoryStream stream = new();
        writer.Write(stream);
        using TableFile file = TableFile.Open(stream.ToArray());
        Assert.Equal(2, file.Tensors.Count);
    }

    [Theory]
    [InlineData("int8 4", "I32", "[2,1]", "F32", "[2,2]", true)]
    [InlineData("int8 1", "I32", "[2,1]", "F32", "[2,2]", true)]
    [InlineData("int8 5", "I32", "[2,1]", "F32", "[2,2]", false)]
    [InlineData("int8 0", "I32", "[2,1]", "F32", "[2,2]", false)]
    [InlineData("int8 -4", "I32", "[2,1]", "F32", "[2,2]", false)]
    [InlineData("int8 99999999999", "I32", "[2,1]", "F32", "[2,2]", false)]
    [InlineData("int8 2147483647", "I32", "[2,1]", "F32", "[2,2]", false)]
    [InlineData("int8", "I32", "[2,1]", "F32", "[2,2]", false)]
    [InlineData("int9 4", "I32", "[2,1]", "F32", "[2,2]", false)]
    [InlineData("", "I32", "[2,1]", "F32", "[2,2]", false)]
    [InlineData("int8 4", "F32", "[2,1]", "F32", "[2,2]", false)]
    [InlineData("int8 4", "I32", "[2]", "F32", "[2,2]", false)]
    [InlineData("int8 4", "I32", "[2,1]", "I32", "[2,2]", false)]
    [InlineData("int8 4", "I32", "[2,1]", "F32", "[1,4]", false)]
    [InlineData("int8 4", "I32", "[2,1]", "F32", "[4]", false)]
    public void What_is_said_of_codes_is_checked(string text, string codes, string codesShape, string pairs, string pairsShape, bool isLegal)
    {
        int codesBytes = 8, pairsBytes = 16;
        string header = $$$"""
            {"__metadata__":{"simdembed.codec.w":"{{{text}}}","simdembed.codec.none":"nonsense"},
            "w":{"dtype":"{{{codes}}}","shape":{{{codesShape}}},"data_offsets":[0,{{{codesBytes}}}]},
            "w.scale_bias":{"dtype":"{{{pairs}}}","shape":{{{pairsShape}}},"data_offsets":[{{{codesBytes}}},{{{codesBytes + pairsBytes}}}]}}
            """;
        byte[] json = System.Text.Encoding.UTF8.GetBytes(header);
        byte[] bytes = [.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[codesBytes + pairsBytes]];
        if (isLegal)
        {
            using TableFile file = TableFile.Open(bytes);
            using EmbeddingTable table = file.LoadTable("w");
            Assert.Equal(RowCodec.Int8, table.Codec);
            Assert.Throws<TableFormatException>(() => file.LoadTable("w.scale_bias", new LoadOptions { MaxBytes = 1 }));
            Assert.Equal("max-bytes", Assert.Throws<TableFormatException>(() => file.LoadTable("w", new LoadOptions { MaxBytes = 23 })).Rule);
        }
        else
        {
            Assert.Equal("codec-metadata", Assert.Throws<TableFormatException>(() => TableFile.Open(bytes)).Rule);
        }
    }

    private static EmbeddingTable NewTable(RowCodec codec, int rows, int dim)
    {
        using EmbeddingTable floats = EmbeddingTable.Create(rows, dim, Initializer.Normal(3));
        return floats.ConvertTo(codec);
    }

    private static float[] Pooled(EmbeddingTable table, long[] indices)
    {
        using EmbeddingBag bag = new(table, Pooling.Sum, leaveOpen: true);
        float[] output = new float[table.Dim];
        bag.Forward(Bags<long>.FixedLength(indices, indices.Length), output);
        return output;
    }

    /// <summary>Codes, scales and biases: not the decoded values alone.</summary>
    private static unsafe void AssertSame(EmbeddingTable expected, EmbeddingTable actual)
    {
        Assert.Equal((expected.Codec, expected.RowCount, expected.Dim, expected.ByteCount), (actual.Codec, actual.RowCount, actual.Dim, actual.ByteCount));
        ref readonly RowView left = ref expected.OpenRead();
        ref readonly RowView right = ref actual.OpenRead();
        int bytes = (int)(left.Count * left.Stride);
        Assert.True(new ReadOnlySpan<byte>(left.Rows, bytes).SequenceEqual(new ReadOnlySpan<byte>(right.Rows, bytes)));
        if (left.Side != null) Assert.True(new ReadOnlySpan<int>(left.Side, (int)left.Count * 2).SequenceEqual(new ReadOnlySpan<int>(right.Side, (int)left.Count * 2)));
    }
}
