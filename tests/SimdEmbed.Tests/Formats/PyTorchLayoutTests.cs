using System.IO.Compression;
using System.IO.Hashing;
using SimdEmbed.Formats;
using Xunit;

namespace SimdEmbed.Tests.Formats;

public sealed class PyTorchLayoutTests
{
    [Theory]
    [InlineData("embedding.pth", "embedding")]
    [InlineData("epoch.3.pt", "epoch.3")]
    [InlineData(".pth", "archive")]
    [InlineData("größe.pth", "größe")]
    public void Records_stand_in_PyTorchs_order_under_the_files_stem(string file, string root)
    {
        using TempFolder folder = new();
        StateDict tables = [];
        for (int i = 0; i < 12; i++) tables[$"t{i}"] = new EmbeddingTable(i, 1);

        PyTorchCheckpoint.Save(folder[file], tables);
        using ZipArchive zip = ZipFile.OpenRead(folder[file]);

        string[] expected =
        [
            "data.pkl", ".format_version", ".storage_alignment", "byteorder",
            .. Enumerable.Range(0, 12).Select(static i => $"data/{i}"), "version",
        ];
        Assert.Equal(expected.Select(name => $"{root}/{name}"), zip.Entries.Select(static entry => entry.FullName));
        foreach ((_, EmbeddingTable table) in tables) table.Dispose();
    }

    [Fact]
    public void Payloads_are_aligned_stored_and_have_true_sums()
    {
        using TempFolder folder = new();
        using EmbeddingTable large = EmbeddingTable.Create(20_000, 37, Initializer.Normal(seed: 2));
        using EmbeddingTable small = EmbeddingTable.Create(1, 1, Initializer.Normal(seed: 3));
        PyTorchCheckpoint.Save(folder["emb.pth"], new StateDict { ["large"] = large, ["small"] = small });

        byte[] bytes = File.ReadAllBytes(folder["emb.pth"]);
        foreach (StoredZipEntry entry in Entries(folder["emb.pth"]))
        {
            Assert.Equal(0, entry.PayloadOffset % 64);
            Assert.Equal(entry.Crc, Crc32.HashToUInt32(bytes.AsSpan((int)entry.PayloadOffset, (int)entry.Length)));
        }
    }

    [Fact]
    public void Sizes_of_64_bits_are_written_where_32_do_not_do_and_read_back()
    {
        const long Limit = 1000;
        using TempFolder folder = new();
        using EmbeddingTable large = EmbeddingTable.Create(1000, 7, Initializer.Normal(seed: 4));
        using EmbeddingTable small = EmbeddingTable.Create(1, 1, Initializer.Normal(seed: 5));
        StateDict tables = new() { ["small"] = small, ["large"] = large, ["also small"] = EmbeddingTable.Create(2, 2, Initializer.Zeros) };
        using (FileStream stream = File.Create(folder["zip64.pth"])) PyTorchWriter.Of(tables).Write(stream, "zip64", Limit);

        using StateDict loaded = PyTorchCheckpoint.Load(folder["zip64.pth"]);
        using ZipArchive zip = ZipFile.OpenRead(folder["zip64.pth"]);

        PyTorchCheckpointTests.AssertSame(large, loaded["large"]);
        PyTorchCheckpointTests.AssertSame(small, loaded["small"]);
        Assert.Equal(large.RowCount * large.Dim * sizeof(float), zip.GetEntry("zip64/data/1")!.Length);
        tables["also small"].Dispose();
    }

    [Fact]
    public void Without_64_bit_sizes_there_is_no_64_bit_end_record()
    {
        using TempFolder folder = new();
        using EmbeddingTable table = new(1, 1);
        PyTorchCheckpoint.Save(folder["emb.pth"], new StateDict { ["w"] = table });
        Assert.Equal(-1, File.ReadAllBytes(folder["emb.pth"]).AsSpan().IndexOf("PK\x06\x06"u8));
    }

    private static List<StoredZipEntry> Entries(string path)
    {
        using FileBytes file = new(path);
        FormatError error = default;
        Assert.True(StoredZipReader.TryOpen(file, out StoredZipReader? zip, ref error));
        return zip.Entries;
    }
}
