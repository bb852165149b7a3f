using System.Diagnostics;
using SimdEmbed.Internals;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>
/// Damaged and foreign bytes: the file is read as what it says, or refused by one kind of exception, and never with more memory than
/// it has bytes for.
/// </summary>
public sealed class FileDamageTests
{
    private const int LongestSample = 2600;

    public static TheoryData<string> Samples
    {
        get
        {
            TheoryData<string> names = [];
            foreach (string path in Directory.GetFiles(Folder).Order(StringComparer.Ordinal))
            {
                string name = Path.GetFileName(path);
                bool isSample = Path.GetExtension(path) is ".pth" or ".safetensors" or ".npy" or ".npz" && !name.StartsWith("h_", StringComparison.Ordinal);
                if (isSample && new FileInfo(path).Length <= LongestSample) names.Add(name);
            }

            return names;
        }
    }

    private static string Folder => Project.Path("tests", "SimdEmbed.Tests", "Golden", "files");

    [Theory]
    [MemberData(nameof(Samples))]
    public void A_file_cut_at_any_byte_is_refused(string name)
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(Folder, name));
        for (int length = 0; length < whole.Length; length++)
        {
            TableFormatException? refusal = Read(whole.AsMemory(0, length));
            Assert.True(refusal != null, $"{name} was read with {length} of {whole.Length} bytes");
            Assert.DoesNotContain('\n', refusal.Message);
        }
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void A_file_with_any_bit_changed_is_read_or_refused(string name)
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(Folder, name));
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            whole[bit / 8] ^= (byte)(1 << (bit % 8));
            _ = Read(whole);
            whole[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Every_golden_file_is_answered_soon_and_in_little_memory()
    {
        foreach (string path in Directory.GetFiles(Folder))
        {
            byte[] whole = File.ReadAllBytes(path);
            _ = Read(whole);
            Stopwatch watch = Stopwatch.StartNew();
            long before = GC.GetAllocatedBytesForCurrentThread() + NativeBytes.TakenByThread;
            TableFormatException? refusal = Read(whole, out int tensors);
            long allocated = GC.GetAllocatedBytesForCurrentThread() + NativeBytes.TakenByThread - before;
            Assert.True(watch.ElapsedMilliseconds < 5_000, $"{path} took {watch.ElapsedMilliseconds} ms");

            // All that was ever taken, tables included, which is more than what is in use at a time. A tensor of a PyTorch file is
            // some twenty objects, and small ones take fewer bytes of the file: the rule has a share for each that is listed.
            bool isPickle = path.EndsWith(".pth", StringComparison.Ordinal);
            long allowed = (2L * whole.Length) + (64 << 10) + (isPickle && refusal == null ? 2048L * tensors : 0);
            Assert.True(allocated <= allowed, $"{path} of {whole.Length} bytes took {allocated} bytes; {allowed} allowed");
        }
    }

    private static TableFormatException? Read(ReadOnlyMemory<byte> bytes) => Read(bytes, out _);

    /// <summary>Reads everything; only one kind of exception may come out.</summary>
    private static TableFormatException? Read(ReadOnlyMemory<byte> bytes, out int tensors)
    {
        tensors = 0;
        try
        {
            using TableFile file = TableFile.Open(bytes, new LoadOptions { MaxBytes = 1 << 20 });
            tensors = file.Tensors.Count;
            file.Verify();
            foreach (TensorInfo tensor in file.Tensors)
            {
                if (tensor.IsTable) file.LoadTable(tensor.Name).Dispose();
                else file.CopyTo(tensor.Name, Stream.Null);
            }

            return null;
        }
        catch (TableFormatException e)
        {
            return e;
        }
    }
}
