using System.Runtime.InteropServices;
using System.Text;
using SimdEmbed.Formats;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>A damaged file gives what was saved, or a <see cref="TableFormatException"/>; never other values.</summary>
public sealed class PyTorchDamageTests
{
    [Fact]
    public void A_file_cut_at_any_byte_is_refused()
    {
        using TempFolder folder = new();
        byte[] whole = Saved(folder, out _);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(folder["cut.pth"], whole.AsSpan(0, length));
            TableFormatException error = Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.Load(folder["cut.pth"]));
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    [Fact]
    public void A_file_with_bytes_behind_it_is_refused()
    {
        using TempFolder folder = new();
        byte[] whole = Saved(folder, out _);
        File.WriteAllBytes(folder["long.pth"], [.. whole, 0]);
        Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.Load(folder["long.pth"]));
    }

    [Fact]
    public void A_file_with_any_bit_changed_gives_the_same_values_or_is_refused()
    {
        using TempFolder folder = new();
        byte[] whole = Saved(folder, out byte[] expected);
        int refused = 0;
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] changed = [.. whole];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(folder["bit.pth"], changed);
            try
            {
                using StateDict loaded = PyTorchCheckpoint.Load(folder["bit.pth"]);
                Assert.Equal(expected, Content(loaded));
            }
            catch (TableFormatException)
            {
                refused++;
            }
        }

        // What may change without harm is padding, times and versions that nothing reads.
        Assert.True(refused > whole.Length * 8 / 2, $"{refused} of {whole.Length * 8} changes were refused");
    }

    [Fact]
    public void A_file_saved_without_sums_is_read_but_one_missing_sum_among_others_is_damage()
    {
        using TempFolder folder = new();
        byte[] whole = Saved(folder, out byte[] expected);
        byte[] without = WithoutSums(folder["a.pth"], whole, static _ => true);
        byte[] withoutOne = WithoutSums(folder["a.pth"], whole, static name => name.EndsWith("data/0", StringComparison.Ordinal));
        File.WriteAllBytes(folder["without.pth"], without);
        File.WriteAllBytes(folder["one.pth"], withoutOne);

        using StateDict loaded = PyTorchCheckpoint.Load(folder["without.pth"]);

        Assert.Equal(expected, Content(loaded));
        Assert.Equal("zip-crc", Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.Load(folder["one.pth"])).Rule);
    }

    private static byte[] WithoutSums(string path, byte[] whole, Predicate<string> isMeant)
    {
        using FileBytes file = new(path);
        FormatError error = default;
        Assert.True(StoredZipReader.TryOpen(file, out StoredZipReader? zip, ref error));
        byte[] changed = [.. whole];
        int header = whole.AsSpan().IndexOf("PK\x01\x02"u8);
        foreach (StoredZipEntry entry in zip.Entries)
        {
            if (isMeant(entry.Name))
            {
                changed.AsSpan((int)(entry.PayloadOffset + entry.Length) + 4, 4).Clear();
                changed.AsSpan(header + 16, 4).Clear();
            }

            header += ZipFields.CentralBytes + Encoding.UTF8.GetByteCount(entry.Name);
        }

        return changed;
    }

    private static byte[] Saved(TempFolder folder, out byte[] content)
    {
        using EmbeddingTable first = EmbeddingTable.Create(2, 3, Initializer.Normal(seed: 7));
        using EmbeddingTable second = EmbeddingTable.Create(1, 2, Initializer.Normal(seed: 8));
        StateDict tables = new() { ["a.weight"] = first, ["b"] = second };
        PyTorchCheckpoint.Save(folder["a.pth"], tables);
        content = Content(tables);
        return File.ReadAllBytes(folder["a.pth"]);
    }

    private static byte[] Content(StateDict tables)
    {
        List<byte> bytes = [];
        foreach ((string name, EmbeddingTable table) in tables)
        {
            bytes.AddRange(Encoding.UTF8.GetBytes($"{name} [{table.RowCount}, {table.Dim}] "));
            for (long row = 0; row < table.RowCount; row++) bytes.AddRange(MemoryMarshal.AsBytes(table.GetRow(row)));
        }

        return [.. bytes];
    }
}
