using System.Buffers.Binary;
using System.Runtime.InteropServices;
using SimdEmbed.Tests.Support;
using SimdEmbed.Words;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>A vocabulary beside its table in files of tensors.</summary>
public sealed class WordTensorsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public static TheoryData<TableFileFormat> Formats => [TableFileFormat.Safetensors, TableFileFormat.PyTorch, TableFileFormat.Npz];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void Words_come_back_with_their_table(TableFileFormat format)
    {
        WordKeys keys = new(0, 0);
        Assert.All([[0xff, 0x00], "na\u00efve"u8.ToArray(), "a b"u8.ToArray(), "\n"u8.ToArray()], word => Assert.True(keys.Add(word)));
        using WordTable words = new(EmbeddingTable.Create(4, 3, Initializer.Normal(1)), new Vocabulary(keys));
        WordTensors.Save(_folder["file"], "items.weight", words, format);
        using TableFile file = TableFile.Open(_folder["file"]);
        Assert.Equal(format, file.Format);
        Assert.True(file.HasWords("items.weight"));
        Assert.False(file.HasWords("items"));
        using WordTable read = file.LoadWords("items.weight");
        BitEqual.AssertSameBits(TestTable.Values(words.Table), TestTable.Values(read.Table));
        for (int i = 0; i < 4; i++) Assert.Equal(keys[i].ToArray(), read.Vocabulary.GetUtf8(i).ToArray());
        Assert.Equal(1, read.Vocabulary.IndexOf("na\u00efve"));
        Assert.Equal(["file"], _folder.Names);
    }

    [Fact]
    public void The_layout_is_bytes_and_offsets()
    {
        using WordTable words = new(new EmbeddingTable(2, 1), new Vocabulary(["ab", "c"]));
        SafetensorsWriter writer = new();
        writer.Add("t", words);
        writer.Save(_folder["file"]);
        using TableFile file = TableFile.Open(_folder["file"]);
        byte[] bytes = new byte[3];
        byte[] offsets = new byte[24];
        file.Read("t.words", bytes);
        file.Read("t.word_offsets", offsets);
        Assert.Equal("abc"u8.ToArray(), bytes);
        Assert.Equal([0L, 2, 3], Enumerable.Range(0, 3).Select(i => BinaryPrimitives.ReadInt64LittleEndian(offsets.AsSpan(i * 8))));
        Assert.Throws<ArgumentException>(() => WordTensors.Save(_folder["npy"], "t", words, TableFileFormat.Npy));
        Assert.Equal(["file"], _folder.Names);
    }

    [Theory]
    [InlineData("abc", new long[] { 0, 2, 3 }, null)]
    [InlineData("abc", new long[] { 0, 2, 4 }, "words-offsets")]
    [InlineData("abc", new long[] { 0, 2, 2 }, "words-offsets")]
    [InlineData("abc", new long[] { 1, 2, 3 }, "words-offsets")]
    [InlineData("abc", new long[] { 0, 9, 3 }, "words-offsets")]
    [InlineData("abc", new long[] { 0, -1, 3 }, "words-offsets")]
    [InlineData("abc", new long[] { 0, 0, 3 }, "words-offsets")]
    [InlineData("abc", new long[] { 0, long.MinValue, 3 }, "words-offsets")]
    [InlineData("aa", new long[] { 0, 1, 2 }, "words-unique")]
    [InlineData("abc", new long[] { }, "words-count")]
    [InlineData("a", new long[] { 0, 1, 1 }, "words-count")]
    [InlineData("abc", new long[] { 0, 3 }, "words-count")]
    public void Words_that_do_not_fit_are_refused(string words, long[] offsets, string? rule)
    {
        using EmbeddingTable table = new(2, 1);
        SafetensorsWriter writer = new();
        writer.Add("t", table);
        writer.Add("t.words", TensorDtype.UInt8, [words.Length], System.Text.Encoding.ASCII.GetBytes(words));
        writer.Add("t.word_offsets", TensorDtype.Int64, [offsets.Length], MemoryMarshal.AsBytes(offsets.AsSpan()).ToArray());
        Check(writer, rule);
    }

    [Fact]
    public void Words_of_another_type_or_none_are_refused()
    {
        using EmbeddingTable table = new(2, 1);
        SafetensorsWriter writer = new();
        writer.Add("t", table);
        Check(writer, "words-none");
        writer.Add("t.words", TensorDtype.Int8, [2], "ab"u8.ToArray());
        writer.Add("t.word_offsets", TensorDtype.Int64, [1], new byte[8]);
        Check(writer, "words-type");
    }

    private void Check(SafetensorsWriter writer, string? rule)
    {
        writer.Save(_folder["file"]);
        using TableFile file = TableFile.Open(_folder["file"]);
        if (rule == null) file.LoadWords("t").Dispose();
        else Assert.Equal(rule, Assert.Throws<TableFormatException>(() => file.LoadWords("t")).Rule);
    }
}
