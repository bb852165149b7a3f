using Xunit;

namespace SimdEmbed.Tests.Formats;

public sealed class ConversionTests
{
    private static readonly TensorDtype[] s_everywhere =
    [
        TensorDtype.Float32, TensorDtype.Float64, TensorDtype.Float16, TensorDtype.Int64, TensorDtype.Int32, TensorDtype.Int16,
        TensorDtype.Int8, TensorDtype.UInt8, TensorDtype.Bool, TensorDtype.Complex64,
    ];

    [Theory]
    [InlineData(TableFileFormat.Safetensors)]
    [InlineData(TableFileFormat.PyTorch)]
    [InlineData(TableFileFormat.Npz)]
    public void Every_type_and_rank_survives_a_conversion_there_and_back(TableFileFormat format)
    {
        using TempFolder folder = new();
        byte[] first = Sample(s_everywhere);
        using TableFile source = TableFile.Open(first);
        source.SaveAs(folder["there"], format);
        using TableFile there = TableFile.Open(folder["there"]);
        there.SaveAs(folder["back"], TableFileFormat.Safetensors);
        using TableFile back = TableFile.Open(folder["back"]);

        Assert.Equal(format, there.Format);
        Assert.Equal(s_everywhere.Length * 5, back.Tensors.Count);
        Assert.Equal(s_everywhere.Length * 5, there.Verify());
        foreach (TensorInfo tensor in source.Tensors)
        {
            Assert.True(back.TryGetTensor(tensor.Name, out TensorInfo? found));
            Assert.Equal(tensor.ToString(), found.ToString());
            Assert.Equal(Bytes(source, tensor), Bytes(back, found));
        }

        if (format == TableFileFormat.Safetensors) Assert.Equal("kept", back.Metadata["note"]);
    }

    [Fact]
    public void NumPy_gets_the_float_types_it_lacks_as_float32()
    {
        using TempFolder folder = new();
        SafetensorsWriter writer = new();
        writer.Add("w", TensorDtype.BFloat16, [2, 1], new byte[] { 0x80, 0x3f, 0x00, 0xc0 });
        using MemoryStream stream = new();
        writer.Write(stream);
        using TableFile file = TableFile.Open(stream.ToArray());
        file.SaveAs(folder["w.npy"], TableFileFormat.Npy);
        using TableFile npy = TableFile.Open(folder["w.npy"]);

        Assert.Equal(": float32 [2, 1]", npy.Tensors[0].ToString());
        using EmbeddingTable table = npy.LoadTable();
        Assert.Equal([1f, -2f], [table.GetRow(0)[0], table.GetRow(1)[0]]);
        Assert.Equal(0, Assert.Single(npy.Tensors).Offset % 64);
    }

    [Fact]
    public void What_a_format_cannot_hold_is_refused_and_leaves_no_file()
    {
        using TempFolder folder = new();
        using TableFile file = TableFile.Open(Sample([TensorDtype.UInt16, TensorDtype.UInt64]));
        Assert.Throws<ArgumentException>(() => file.SaveAs(folder["x"], TableFileFormat.PyTorch));
        Assert.Throws<ArgumentException>(() => file.SaveAs(folder["x"], TableFileFormat.Npy));
        Assert.Throws<ArgumentException>(() => file.SaveAs(folder["x"], TableFileFormat.PyTorchLegacy));
        Assert.Throws<TableFormatException>(() => file.SaveAs(folder["x"], TableFileFormat.Npy, "none"));
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(folder["x"])!));
    }

    [Fact]
    public void A_table_and_a_state_dict_are_saved_for_NumPy()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(5, 3, Initializer.Normal(seed: 4));
        NumpyFile.Save(folder["a.npz"], new StateDict { ["x"] = table, ["y/z"] = table });
        using TableFile file = TableFile.Open(folder["a.npz"]);
        using EmbeddingTable loaded = file.LoadTable("y/z");
        using EmbeddingTable mapped = file.MapTable("x");
        for (int row = 0; row < 5; row++)
        {
            Assert.Equal(table.GetRow(row).ToArray(), loaded.GetRow(row).ToArray());
            Assert.Equal(table.GetRow(row).ToArray(), mapped.GetRow(row).ToArray());
        }
    }

    [Fact]
    public void What_NumPy_cannot_hold_of_a_table_is_refused_and_leaves_no_file()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(2, 3, Initializer.Normal(seed: 4));
        using EmbeddingTable brain = table.ConvertTo(RowCodec.BFloat16);
        Assert.Throws<ArgumentException>(() => NumpyFile.Save(folder["a.npy"], brain));
        Assert.Throws<ArgumentException>(() => NumpyFile.Save(folder["a.npz"], new StateDict { ["x"] = brain }));
        Assert.Throws<ArgumentException>(() => NumpyFile.Save(folder["a.npz"], new StateDict { [new string('x', 65_532)] = table }));
        Assert.Empty(folder.Names);
    }

    private static byte[] Sample(TensorDtype[] dtypes)
    {
        long[][] shapes = [[], [3], [2, 5], [2, 1, 3], [0, 4]];
        SafetensorsWriter writer = new();
        writer.Metadata["note"] = "kept";
        foreach (TensorDtype dtype in dtypes)
        {
            foreach (long[] shape in shapes)
            {
                int count = (int)shape.Aggregate(1L, static (product, size) => product * size);
                byte[] bytes = [.. Enumerable.Range(0, count * Size(dtype)).Select(i => (byte)(dtype == TensorDtype.Bool ? i % 2 : (i * 37) + 1))];
                writer.Add($"{dtype}.{shape.Length}.{count}", dtype, shape, bytes);
            }
        }

        using MemoryStream stream = new();
        writer.Write(stream);
        return stream.ToArray();
    }

    private static int Size(TensorDtype dtype) => dtype switch
    {
        TensorDtype.Float64 or TensorDtype.Int64 or TensorDtype.UInt64 or TensorDtype.Complex64 => 8,
        TensorDtype.Float32 or TensorDtype.Int32 => 4,
        TensorDtype.Float16 or TensorDtype.Int16 or TensorDtype.UInt16 => 2,
        _ => 1,
    };

    private static byte[] Bytes(TableFile file, TensorInfo tensor)
    {
        byte[] bytes = new byte[tensor.ByteLength];
        file.Read(tensor.Name, bytes);
        using MemoryStream copy = new();
        file.CopyTo(tensor.Name, copy);
        Assert.Equal(bytes, copy.ToArray());
        return bytes;
    }
}
