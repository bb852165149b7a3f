using System.IO.Hashing;
using SimdEmbed.Formats;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Formats;

public sealed class PyTorchCheckpointTests
{
    [Fact]
    public void A_table_comes_back_bit_for_bit()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(1000, 17, Initializer.Normal(seed: 1));
        PyTorchCheckpoint.Save(folder["emb.pth"], new StateDict { ["emb.weight"] = table });

        using EmbeddingTable loaded = PyTorchCheckpoint.LoadTable(folder["emb.pth"], "emb.weight");

        AssertSame(table, loaded);
    }

    [Fact]
    public void A_table_that_several_threads_read_comes_back_bit_for_bit_and_a_changed_byte_anywhere_is_found()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(150_001, 17, Initializer.Normal(seed: 1));
        PyTorchCheckpoint.Save(folder["emb.pth"], new StateDict { ["emb.weight"] = table });
        using (EmbeddingTable loaded = PyTorchCheckpoint.LoadTable(folder["emb.pth"], "emb.weight")) AssertSame(table, loaded);

        long start;
        using (TableFile file = TableFile.Open(folder["emb.pth"])) start = file.Tensors[0].Offset!.Value;
        foreach (long at in new[] { 0, 1 << 18, (150_001L * 17 * sizeof(float)) - 1 })
        {
            Flip(start + at);
            Assert.Equal("zip-crc", Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.LoadTable(folder["emb.pth"], "emb.weight")).Rule);
            Flip(start + at);
        }

        void Flip(long offset)
        {
            using FileStream file = File.Open(folder["emb.pth"], FileMode.Open);
            file.Position = offset;
            int value = file.ReadByte();
            file.Position = offset;
            file.WriteByte((byte)(value ^ 4));
        }
    }

    [Fact]
    public void The_sum_of_two_pieces_is_that_of_both()
    {
        byte[] bytes = new byte[70_000];
        new Random(1).NextBytes(bytes);
        foreach (int cut in new[] { 0, 1, 2, 255, 4096, 65_535, 69_999, 70_000 })
        {
            uint joined = Crc32Join.Of(Crc32.HashToUInt32(bytes.AsSpan(0, cut)), Crc32.HashToUInt32(bytes.AsSpan(cut)), bytes.Length - cut);
            Assert.Equal(Crc32.HashToUInt32(bytes), joined);
        }
    }

    [Fact]
    public void Special_floats_keep_their_bits()
    {
        uint[] bits =
        [
            0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0x7f800000, 0xff800000,
            0x7fc00000, 0xffc00000, 0x7f800001, 0xffbfffff, 0x7fc12345, 0x3f800000,
        ];
        using TempFolder folder = new();
        using EmbeddingTable table = new(2, bits.Length / 2);
        for (int row = 0; row < 2; row++)
        {
            table.SetRow(row, [.. bits.Skip(row * table.Dim).Take(table.Dim).Select(BitConverter.UInt32BitsToSingle)]);
        }

        PyTorchCheckpoint.Save(folder["special.pth"], new StateDict { ["w"] = table });
        using EmbeddingTable loaded = PyTorchCheckpoint.LoadTable(folder["special.pth"], "w");

        AssertSame(table, loaded);
    }

    [Fact]
    public void A_table_without_rows_comes_back()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = new(0, 3);
        PyTorchCheckpoint.Save(folder["empty.pth"], new StateDict { ["w"] = table });

        using StateDict loaded = PyTorchCheckpoint.Load(folder["empty.pth"]);

        Assert.Equal((0L, 3), (loaded["w"].RowCount, loaded["w"].Dim));
    }

    [Fact]
    public void A_dictionary_without_tables_comes_back()
    {
        using TempFolder folder = new();
        PyTorchCheckpoint.Save(folder["none.pth"], []);

        using StateDict loaded = PyTorchCheckpoint.Load(folder["none.pth"]);

        Assert.Empty(loaded);
    }

    [Fact]
    public void Names_keep_their_order_and_their_letters()
    {
        string[] names =
            ["zeta.weight", "", "alpha", "größe", "埋め込み", "😀", "a.b.c", "with\nline\0and nul", new string('x', 4096)];
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(2, 2, Initializer.Normal(seed: 2));
        using EmbeddingTable other = EmbeddingTable.Create(3, 2, Initializer.Normal(seed: 3));
        StateDict saved = [];
        foreach (string name in names) saved[name] = name == "alpha" ? other : table;
        PyTorchCheckpoint.Save(folder["names.pth"], saved);

        using StateDict loaded = PyTorchCheckpoint.Load(folder["names.pth"]);

        Assert.Equal(names, loaded.Names);
        foreach (string name in names)
        {
            AssertSame(saved[name], loaded[name]);
            using EmbeddingTable single = PyTorchCheckpoint.LoadTable(folder["names.pth"], name);
            AssertSame(saved[name], single);
        }
    }

    [Fact]
    public void A_table_under_two_names_is_stored_once_and_loaded_once()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(64, 64, Initializer.Normal(seed: 4));
        PyTorchCheckpoint.Save(folder["tied.pth"], new StateDict { ["in"] = table, ["out"] = table });

        using StateDict loaded = PyTorchCheckpoint.Load(folder["tied.pth"]);

        Assert.InRange(new FileInfo(folder["tied.pth"]).Length, 64 * 64 * 4, (64 * 64 * 4) + 2048);
        Assert.Same(loaded["in"], loaded["out"]);
        AssertSame(table, loaded["in"]);
    }

    [Fact]
    public void More_tables_than_one_batch_of_items_come_back()
    {
        using TempFolder folder = new();
        EmbeddingTable[] tables =
            [.. Enumerable.Range(0, 1001).Select(static i => EmbeddingTable.Create(1, 2, Initializer.Normal((ulong)i)))];
        StateDict saved = [];
        for (int i = 0; i < tables.Length; i++) saved[$"table.{i}"] = tables[i];
        PyTorchCheckpoint.Save(folder["many.pth"], saved);

        using StateDict loaded = PyTorchCheckpoint.Load(folder["many.pth"]);

        Assert.Equal(saved.Names, loaded.Names);
        foreach ((string name, EmbeddingTable table) in saved) AssertSame(table, loaded[name]);
        foreach (EmbeddingTable table in tables) table.Dispose();
    }

    [Fact]
    public void Equal_tables_give_equal_bytes()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder["again"]);
        using EmbeddingTable table = EmbeddingTable.Create(5, 3, Initializer.Normal(seed: 5));
        StateDict tables = new() { ["w"] = table };
        PyTorchCheckpoint.Save(folder["same.pth"], tables);
        PyTorchCheckpoint.Save(Path.Combine(folder["again"], "same.pth"), tables);

        byte[] first = File.ReadAllBytes(folder["same.pth"]);
        Assert.Equal(first, File.ReadAllBytes(Path.Combine(folder["again"], "same.pth")));
    }

    [Fact]
    public void Saving_over_a_file_replaces_it_and_leaves_nothing_beside_it()
    {
        using TempFolder folder = new();
        File.WriteAllText(folder["emb.pth"], new string('x', 100_000));
        using EmbeddingTable table = EmbeddingTable.Create(3, 3, Initializer.Normal(seed: 6));
        using FileStream reader = new(folder["emb.pth"], FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

        PyTorchCheckpoint.Save(folder["emb.pth"], new StateDict { ["w"] = table });

        using EmbeddingTable loaded = PyTorchCheckpoint.LoadTable(folder["emb.pth"], "w");
        AssertSame(table, loaded);
        Assert.Equal(["emb.pth"], folder.Names);
        Assert.Equal('x', reader.ReadByte());
        Assert.Equal(100_000, reader.Length);
    }

    [Fact]
    public void A_save_that_cannot_start_leaves_the_old_file()
    {
        using TempFolder folder = new();
        File.WriteAllText(folder["emb.pth"], "old");
        EmbeddingTable table = new(1, 1);
        table.Dispose();

        Assert.Throws<ObjectDisposedException>(() => PyTorchCheckpoint.Save(folder["emb.pth"], new StateDict { ["w"] = table }));
        using EmbeddingTable good = new(1, 1);
        Assert.Throws<ArgumentException>(() => PyTorchCheckpoint.Save(folder["emb.pth"], new StateDict { ["\ud800"] = good }));

        Assert.Equal("old", File.ReadAllText(folder["emb.pth"]));
        Assert.Equal(["emb.pth"], folder.Names);
    }

    [Fact]
    public void A_save_that_fails_half_way_leaves_the_old_file_and_no_other()
    {
        using TempFolder folder = new();
        File.WriteAllText(folder["emb.pth"], "old");

        Assert.Throws<InvalidOperationException>(() => FileReplacement.Write(folder["emb.pth"], static stream =>
        {
            stream.Write(new byte[100_000]);
            throw new InvalidOperationException("the disk is full");
        }));

        Assert.Equal("old", File.ReadAllText(folder["emb.pth"]));
        Assert.Equal(["emb.pth"], folder.Names);
    }

    [Fact]
    public void A_save_that_cannot_take_its_place_leaves_nothing_behind()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder["emb.pth"]);
        using EmbeddingTable table = new(1, 1);

        Assert.ThrowsAny<Exception>(() => PyTorchCheckpoint.Save(folder["emb.pth"], new StateDict { ["w"] = table }));

        Assert.Equal(["emb.pth"], folder.Names);
    }

    [Fact]
    public void A_missing_name_is_named_with_those_that_there_are()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = new(1, 1);
        StateDict tables = [];
        for (int i = 0; i < 10; i++) tables[$"k{i}"] = table;
        PyTorchCheckpoint.Save(folder["emb.pth"], tables);

        TableFormatException error = Assert.Throws<TableFormatException>(
            () => PyTorchCheckpoint.LoadTable(folder["emb.pth"], "emb.weight"));

        Assert.Equal("dict-key", error.Rule);
        Assert.Equal(folder["emb.pth"], error.Path);
        Assert.Contains("'emb.weight'", error.Message, StringComparison.Ordinal);
        Assert.Contains("'k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7' and 2 more", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_not_a_format_error()
    {
        using TempFolder folder = new();
        Assert.Throws<FileNotFoundException>(() => PyTorchCheckpoint.Load(folder["none.pth"]));
        Assert.Throws<DirectoryNotFoundException>(() => PyTorchCheckpoint.Load(folder[Path.Combine("none", "none.pth")]));
        Assert.Throws<DirectoryNotFoundException>(() => PyTorchCheckpoint.Save(folder[Path.Combine("none", "none.pth")], []));
    }

    [Fact]
    public void A_loaded_dictionary_owns_its_tables_and_a_built_one_does_not()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = new(1, 1);
        StateDict built = new() { ["w"] = table };
        PyTorchCheckpoint.Save(folder["emb.pth"], built);
        StateDict loaded = PyTorchCheckpoint.Load(folder["emb.pth"]);
        EmbeddingTable inside = loaded["w"];
        loaded["w"] = table;

        built.Dispose();
        loaded.Dispose();
        loaded.Dispose();

        _ = table.GetRow(0);
        Assert.Throws<ObjectDisposedException>(() => inside.GetRow(0));
        Assert.Throws<ObjectDisposedException>(() => loaded["w"]);
        Assert.Throws<ObjectDisposedException>(() => loaded.Count);
        Assert.Throws<ObjectDisposedException>(() => built.TryGetTable("w", out _));
    }

    internal static void AssertSame(EmbeddingTable expected, EmbeddingTable found)
    {
        Assert.Equal((expected.RowCount, expected.Dim), (found.RowCount, found.Dim));
        BitEqual.AssertSameBits(TestTable.Values(expected), TestTable.Values(found));
    }
}
