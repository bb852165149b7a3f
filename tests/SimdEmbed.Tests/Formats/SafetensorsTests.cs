using System.Runtime.InteropServices;
using System.Text;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Formats;

public sealed class SafetensorsTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Tables_tensors_and_metadata_come_back_bit_for_bit(bool includeHashes)
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(7, 5, Initializer.Normal(seed: 3));
        byte[] words = Encoding.UTF8.GetBytes("zero\none\ntwo");
        long[] steps = [1, -2, long.MaxValue];
        SafetensorsWriter writer = new() { IncludeHashes = includeHashes };
        writer.Metadata["ключ \"a\"\n"] = "значение";
        writer.Add("words", TensorDtype.UInt8, [words.Length], words);
        writer.Add("items.weight", table);
        writer.Add("step", TensorDtype.Int64, [3, 1], MemoryMarshal.AsBytes(steps.AsSpan()).ToArray());
        writer.Add("empty", TensorDtype.BFloat16, [0, 4], ReadOnlyMemory<byte>.Empty);
        writer.Add("scalar", TensorDtype.Float64, [], BitConverter.GetBytes(0.1));

        writer.Save(folder["a.safetensors"]);
        using TableFile file = TableFile.Open(folder["a.safetensors"]);

        Assert.Equal(TableFileFormat.Safetensors, file.Format);
        Assert.Equal("значение", file.Metadata["ключ \"a\"\n"]);
        Assert.Equal(includeHashes ? 6 : 1, file.Metadata.Count);
        Assert.Equal(["empty", "scalar", "step", "items.weight", "words"], file.Tensors.Select(static tensor => tensor.Name));
        Assert.Equal(words, Read(file, "words"));
        Assert.Equal(steps, MemoryMarshal.Cast<byte, long>(Read(file, "step")).ToArray());
        Assert.Equal(0.1, BitConverter.ToDouble(Read(file, "scalar")));
        Assert.Empty(Read(file, "empty"));
        Assert.Equal("items.weight: float32 [7, 5]", Tensor(file, "items.weight").ToString());
        using EmbeddingTable loaded = file.LoadTable("items.weight");
        for (int row = 0; row < 7; row++) Assert.Equal(table.GetRow(row).ToArray(), loaded.GetRow(row).ToArray());
        Assert.Equal(includeHashes ? 5 : 0, file.Verify());
    }

    [Fact]
    public void Data_starts_on_a_64_byte_line_and_every_tensor_that_can_does()
    {
        using EmbeddingTable first = new(3, 16);
        using EmbeddingTable second = new(5, 32);
        using MemoryStream stream = new();
        SafetensorsWriter writer = new();
        writer.Add("odd", TensorDtype.UInt8, [3], new byte[3]);
        writer.Add("b", second);
        writer.Add("a", first);
        writer.Add("half", TensorDtype.Float16, [3, 1], new byte[6]);

        writer.Write(stream);
        stream.Position = 0;
        using TableFile file = TableFile.Open(stream);

        Assert.Equal(["a", "b", "half", "odd"], file.Tensors.Select(static tensor => tensor.Name));
        Assert.All(file.Tensors.Take(3), static tensor => Assert.Equal(0, tensor.Offset % 64));
        Assert.All(file.Tensors, static tensor => Assert.True(tensor.IsRowMajor));
    }

    [Fact]
    public void The_order_of_adding_makes_no_difference_and_neither_does_a_stream_that_cannot_seek()
    {
        using EmbeddingTable table = EmbeddingTable.Create(4, 3, Initializer.Normal(seed: 1));
        byte[] text = [1, 2, 3];
        byte[] forth = Bytes(table, text, reverse: false, new MemoryStream());
        byte[] back = Bytes(table, text, reverse: true, new MemoryStream());
        byte[] piped = Bytes(table, text, reverse: false, new Pipe());

        Assert.Equal(forth, back);
        Assert.Equal(forth, piped);

        static byte[] Bytes(EmbeddingTable table, byte[] text, bool reverse, MemoryStream stream)
        {
            SafetensorsWriter writer = new();
            if (reverse) writer.Add("t", TensorDtype.UInt8, [3], text);
            writer.Add("w", table);
            if (!reverse) writer.Add("t", TensorDtype.UInt8, [3], text);
            writer.Write(stream);
            return stream.ToArray();
        }
    }

    [Fact]
    public void A_streamed_tensor_needs_no_memory_of_its_size_and_one_tensor_is_read_without_the_others()
    {
        const int Rows = 100_000;
        using TempFolder folder = new();
        SafetensorsWriter writer = new();
        writer.Add("large", TensorDtype.Float32, [Rows, 64], static output =>
        {
            byte[] row = new byte[256];
            for (int i = 0; i < Rows; i++)
            {
                row.AsSpan().Fill((byte)i);
                output.Write(row);
            }
        });
        writer.Add("small", TensorDtype.Int32, [2], new byte[] { 1, 0, 0, 0, 2, 0, 0, 0 });

        long before = GC.GetAllocatedBytesForCurrentThread();
        writer.Save(folder["large.safetensors"]);
        using TableFile file = TableFile.Open(folder["large.safetensors"]);
        Assert.Equal(new byte[] { 1, 0, 0, 0, 2, 0, 0, 0 }, Read(file, "small"));
        file.CopyTo("small", Stream.Null);

        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, "a file of 25 MB took more than 1 MB");
        Assert.Equal(2, file.Verify());
    }

    [Fact]
    public void Damaged_data_is_found_by_verify_and_by_nothing_else()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(4, 3, Initializer.Normal(seed: 1));
        SafetensorsWriter writer = new();
        writer.Add("w", table);
        writer.Save(folder["w.safetensors"]);
        byte[] bytes = File.ReadAllBytes(folder["w.safetensors"]);
        bytes[^1] ^= 1;
        using TableFile file = TableFile.Open(bytes);

        file.LoadTable("w").Dispose();
        Assert.Equal("tensor-hash", Assert.Throws<TableFormatException>(() => file.Verify()).Rule);
    }

    [Fact]
    public void What_cannot_be_written_is_refused_before_there_is_a_file()
    {
        using EmbeddingTable table = new(1, 1);
        SafetensorsWriter writer = new();
        writer.Add("w", table);
        Assert.Throws<ArgumentException>(() => writer.Add("w", table));
        Assert.Throws<ArgumentException>(() => writer.Add("__metadata__", table));
        Assert.Throws<ArgumentException>(() => writer.Add("\ud800", table));
        Assert.Throws<ArgumentException>(() => writer.Add(new string('n', 4097), table));
        Assert.Throws<ArgumentException>(() => writer.Add("x", TensorDtype.Int32, [2], new byte[7]));
        Assert.Throws<ArgumentException>(() => writer.Add("x", TensorDtype.Float4, [3], new byte[2]));
        Assert.Throws<ArgumentException>(() => writer.Add("x", TensorDtype.Float32, [long.MaxValue, 2], new byte[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Add("x", TensorDtype.Complex128, [1], new byte[16]));
        writer.Add("x", TensorDtype.Int32, [2], new byte[8]);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(9)]
    public void A_failed_save_leaves_the_old_file_and_nothing_else(int written)
    {
        using TempFolder folder = new();
        File.WriteAllText(folder["old"], "old");
        SafetensorsWriter writer = new();
        writer.Add("w", TensorDtype.UInt8, [8], output => output.Write(new byte[written]));

        Assert.Throws<ArgumentException>(() => writer.Save(folder["old"]));

        Assert.Equal("old", File.ReadAllText(folder["old"]));
        Assert.Equal(["old"], Directory.GetFiles(Path.GetDirectoryName(folder["old"])!).Select(Path.GetFileName));
    }

    [Fact]
    public void A_cancelled_save_leaves_the_old_file_and_nothing_else()
    {
        using TempFolder folder = new();
        File.WriteAllText(folder["old"], "old");
        using EmbeddingTable table = new(100_000, 32);
        using CancellationTokenSource source = new();
        SafetensorsWriter writer = new();
        writer.Add("w", table);

        Assert.Throws<OperationCanceledException>(() => writer.Save(folder["old"], new Reports<long>(_ => source.Cancel()), source.Token));

        Assert.Equal("old", File.ReadAllText(folder["old"]));
        Assert.Equal(["old"], Directory.GetFiles(Path.GetDirectoryName(folder["old"])!).Select(Path.GetFileName));
    }

    [Fact]
    public void A_limit_on_memory_is_kept()
    {
        using EmbeddingTable table = new(10, 10);
        using MemoryStream stream = new();
        SafetensorsWriter writer = new();
        writer.Add("w", table);
        writer.Write(stream);
        stream.Position = 0;
        using TableFile file = TableFile.Open(stream);

        Assert.Equal("max-bytes", Assert.Throws<TableFormatException>(() => file.LoadTable("w", new LoadOptions { MaxBytes = 399 })).Rule);
        file.LoadTable("w", new LoadOptions { MaxBytes = 400 }).Dispose();
        stream.Position = 0;
        Assert.Equal("max-bytes", Assert.Throws<TableFormatException>(() => TableFile.Open(stream, new LoadOptions { MaxBytes = 100 })).Rule);
    }

    [Fact]
    public void Half_and_eight_bit_floats_are_read_exactly_and_doubles_are_rounded()
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(static code => (byte)code)];
        ushort[] halves = [.. Enumerable.Range(0, 65536).Select(static code => (ushort)code)];
        double[] doubles = [0.1, -1e300, double.NaN, double.Epsilon];
        SafetensorsWriter writer = new();
        writer.Add("f8_e4m3", TensorDtype.Float8E4M3, [256, 1], all);
        writer.Add("f8_e5m2", TensorDtype.Float8E5M2, [256, 1], all);
        writer.Add("f8_e4m3fnuz", TensorDtype.Float8E4M3Fnuz, [256, 1], all);
        writer.Add("f8_e5m2fnuz", TensorDtype.Float8E5M2Fnuz, [256, 1], all);
        writer.Add("f16", TensorDtype.Float16, [256, 256], MemoryMarshal.AsBytes(halves.AsSpan()).ToArray());
        writer.Add("bf16", TensorDtype.BFloat16, [256, 256], MemoryMarshal.AsBytes(halves.AsSpan()).ToArray());
        writer.Add("f64", TensorDtype.Float64, [2, 2], MemoryMarshal.AsBytes(doubles.AsSpan()).ToArray());
        writer.Add("i32", TensorDtype.Int32, [1, 1], new byte[4]);
        using MemoryStream stream = new();
        writer.Write(stream);
        using TableFile file = TableFile.Open(stream.ToArray());

        for (int code = 0; code < 256; code++)
        {
            // The upper byte of a half is an E5M2, and the others differ in bias and in what stands for NaN.
            AssertBits((float)BitConverter.UInt16BitsToHalf((ushort)(code << 8)), Value("f8_e5m2", code));
            float shifted = (float)BitConverter.UInt16BitsToHalf((ushort)((code & 0x80) << 8 | (code & 0x7f) << 7)) * 256;
            AssertBits((code & 0x7f) == 0x7f ? float.NaN : shifted, Value("f8_e4m3", code));
            AssertBits(code == 0x80 ? float.NaN : shifted / 2, Value("f8_e4m3fnuz", code));
        }

        Assert.Equal(57344, Value("f8_e5m2fnuz", 0x7f));
        Assert.Equal(-float.ScaleB(1, -17), Value("f8_e5m2fnuz", 0x81));
        using EmbeddingTable f16 = file.LoadTable("f16");
        using EmbeddingTable bf16 = file.LoadTable("bf16");
        for (int code = 0; code < 65536; code++)
        {
            AssertBits((float)BitConverter.UInt16BitsToHalf((ushort)code), f16.GetRow(code / 256)[code % 256]);
            AssertBits(BitConverter.Int32BitsToSingle(code << 16), bf16.GetRow(code / 256)[code % 256]);
        }

        using EmbeddingTable f64 = file.LoadTable("f64");
        Assert.Equal([0.1f, float.NegativeInfinity], f64.GetRow(0).ToArray());
        Assert.Contains("i32", Assert.Throws<TableFormatException>(() => file.LoadTable("i32")).Message, StringComparison.Ordinal);

        float Value(string name, int code)
        {
            using EmbeddingTable table = file.LoadTable(name);
            return table.GetRow(code)[0];
        }
    }

    private static void AssertBits(float expected, float actual) => BitEqual.Assert([expected], [actual]);

    private static byte[] Read(TableFile file, string name)
    {
        byte[] bytes = new byte[Tensor(file, name).ByteLength];
        file.Read(name, bytes);
        return bytes;
    }

    private static TensorInfo Tensor(TableFile file, string name) =>
        file.TryGetTensor(name, out TensorInfo? tensor) ? tensor : throw new InvalidOperationException(name);

    private sealed class Pipe : MemoryStream
    {
        public override bool CanSeek => false;
    }
}
