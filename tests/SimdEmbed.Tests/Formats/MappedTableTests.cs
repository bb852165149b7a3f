using System.Diagnostics;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Formats;

public sealed class MappedTableTests
{
    [Theory]
    [InlineData("safetensors", 0)]
    [InlineData("safetensors", 1)]
    [InlineData("safetensors", 3)]
    [InlineData("npy", 0)]
    [InlineData("npy", 1)]
    [InlineData("npy", 4)]
    [InlineData("npy", 31)]
    public void A_mapped_table_looks_up_what_a_loaded_one_does_at_any_offset(string format, int shift)
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(300, 13, Initializer.Normal(seed: 5));
        string path = Write(folder, format, table, shift);
        using TableFile file = TableFile.Open(path);
        using EmbeddingTable mapped = file.MapTable(file.Tensors[^1].Name, new MapOptions { Prefault = shift == 1 });
        file.Dispose();

        Assert.True(mapped.IsReadOnly);
        Assert.False(table.IsReadOnly);
        int[] indices = [.. Enumerable.Range(0, 300).Select(static i => i * 7 % 300)];
        float[] expected = new float[indices.Length * 13];
        float[] actual = new float[expected.Length];
        using Embedding owned = Embedding.FromPretrained(table, leaveOpen: true);
        using Embedding served = Embedding.FromPretrained(mapped, leaveOpen: true);
        owned.Forward<int>(indices, expected);
        served.Forward<int>(indices, actual);
        BitEqual.AssertSameBits(expected, actual);

        using EmbeddingBag ownedBag = new(table, Pooling.Sum, leaveOpen: true);
        using EmbeddingBag servedBag = new(mapped, Pooling.Sum, leaveOpen: true);
        float[] pooled = new float[30 * 13];
        ownedBag.Forward(Bags<int>.FixedLength(indices, 10), expected.AsSpan(0, pooled.Length));
        servedBag.Forward(Bags<int>.FixedLength(indices, 10), pooled);
        BitEqual.AssertSameBits(expected.AsSpan(0, pooled.Length), pooled);
    }

    [Fact]
    public void A_mapped_table_refuses_every_way_of_writing_and_a_copy_takes_them()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(4, 2, Initializer.Normal(seed: 1));
        using TableFile file = TableFile.Open(Write(folder, "npy", table, 0));
        using EmbeddingTable mapped = file.MapTable();
        float[] row = [1, 2];

        Assert.Throws<InvalidOperationException>(() => mapped.SetRow(0, row));
        Assert.Throws<InvalidOperationException>(() => mapped.Edit());
        Assert.Throws<InvalidOperationException>(() => new Sgd(mapped, new SgdOptions { LearningRate = 1 }));
        using Embedding renormed = new(mapped, new EmbeddingOptions { MaxNorm = 0.1f }, leaveOpen: true);
        float[] output = [7, 7];
        Assert.Throws<InvalidOperationException>(() => renormed.Forward<int>([0], output));
        Assert.Equal([7, 7], output);

        using EmbeddingTable copy = mapped.Resize(4, Initializer.Normal(seed: 1));
        copy.SetRow(0, row);
        Assert.Equal(table.GetRow(0).ToArray(), mapped.GetRow(0).ToArray());
        mapped.Dispose();
        Assert.Throws<ObjectDisposedException>(() => mapped.GetRow(0));
    }

    [Fact]
    public void A_file_that_is_renamed_over_or_saved_over_leaves_the_mapped_one_as_it_was()
    {
        using TempFolder folder = new();
        using EmbeddingTable first = EmbeddingTable.Create(100, 16, Initializer.Normal(seed: 1));
        using EmbeddingTable second = EmbeddingTable.Create(50, 16, Initializer.Normal(seed: 2));
        string path = Write(folder, "npy", first, 0);
        using TableFile file = TableFile.Open(path);
        using EmbeddingTable mapped = file.MapTable();

        for (int i = 0; i < 100; i++)
        {
            NumpyFile.Save(path, i % 2 == 0 ? second : mapped);
            Assert.Equal(first.GetRow(i).ToArray(), mapped.GetRow(i).ToArray());
        }
    }

    [Fact]
    public void A_file_that_was_cut_since_it_was_opened_is_refused()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = new(100, 16);
        string path = Write(folder, "npy", table, 0);
        using TableFile file = TableFile.Open(path);
        using (FileStream stream = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) stream.SetLength(stream.Length - 1);

        Assert.Equal("file-length", Assert.Throws<TableFormatException>(() => file.MapTable()).Rule);
        Assert.Equal("file-length", Assert.Throws<TableFormatException>(() => file.LoadTable()).Rule);
    }

    [Fact]
    public void What_cannot_be_mapped_says_so()
    {
        using TempFolder folder = new();
        SafetensorsWriter writer = new();
        writer.Add("double", TensorDtype.Float64, [2, 2], new byte[32]);
        writer.Save(folder["double.safetensors"]);
        using TableFile inFile = TableFile.Open(folder["double.safetensors"]);
        using TableFile memory = TableFile.Open(File.ReadAllBytes(folder["double.safetensors"]));

        Assert.Equal("map-layout", Assert.Throws<TableFormatException>(() => inFile.MapTable("double")).Rule);
        Assert.Throws<InvalidOperationException>(() => memory.MapTable("double"));
    }

    [Fact]
    public void A_shared_lock_is_held_as_long_as_the_table_lives()
    {
        if (!OperatingSystem.IsLinux()) return;
        using TempFolder folder = new();
        using EmbeddingTable table = new(4, 4);
        string path = Write(folder, "npy", table, 0);
        EmbeddingTable mapped;
        using (TableFile file = TableFile.Open(path)) mapped = file.MapTable();

        Assert.False(CanLockExclusively(path));
        mapped.Dispose();
        Assert.True(CanLockExclusively(path));
    }

    private static bool CanLockExclusively(string path)
    {
        using Process flock = Process.Start("flock", ["-n", "-x", path, "true"]);
        flock.WaitForExit();
        return flock.ExitCode == 0;
    }

    /// <summary>A file whose last tensor is the table, in safetensors behind as many bytes as will shift it.</summary>
    private static string Write(TempFolder folder, string format, EmbeddingTable table, int shift)
    {
        string path = folder["table." + format];
        if (format == "npy")
        {
            NumpyFile.Save(path, table);
            if (shift == 0) return path;

            // Padding in front of the line feed that ends the header: NumPy reads any number of blanks.
            byte[] bytes = File.ReadAllBytes(path);
            int end = 10 + BitConverter.ToUInt16(bytes, 8);
            BitConverter.TryWriteBytes(bytes.AsSpan(8), (ushort)(end - 10 + shift));
            File.WriteAllBytes(path, [.. bytes[..(end - 1)], .. System.Text.Encoding.ASCII.GetBytes(new string(' ', shift)), .. bytes[(end - 1)..]]);
            return path;
        }

        // By hand, because the writer would not make an unaligned file.
        byte[] rows = new byte[table.RowCount * table.Dim * 4];
        for (int row = 0; row < table.RowCount; row++) Buffer.BlockCopy(table.GetRow(row).ToArray(), 0, rows, row * table.Dim * 4, table.Dim * 4);
        string header = $$$"""{"a":{"dtype":"U8","shape":[{{{shift}}}],"data_offsets":[0,{{{shift}}}]},"w":{"dtype":"F32","shape":[{{{table.RowCount}}},{{{table.Dim}}}],"data_offsets":[{{{shift}}},{{{shift + rows.Length}}}]}}""";
        header = header.PadRight((header.Length + 8 + 63) / 64 * 64 - 8);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)header.Length), .. System.Text.Encoding.ASCII.GetBytes(header), .. new byte[shift], .. rows]);
        return path;
    }
}
