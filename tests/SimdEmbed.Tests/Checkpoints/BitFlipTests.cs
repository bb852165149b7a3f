using SimdEmbed.Tests.Formats;
using Xunit;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>Every bit of a checkpoint's file is under a sum.</summary>
public sealed class BitFlipTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(2, 1)]
    public void Every_bit_of_the_header_and_any_of_the_data(int generations, int flipped)
    {
        using TempFolder folder = new();
        using SmallTraining training = new(120, 2);
        for (int i = 0; i < generations; i++)
        {
            training.Step();
            Assert.Equal(i == 0 ? null : i, Checkpoint.Save(folder["run"], training.State, new CheckpointSaveOptions { MaxDeltas = 1 }).Parent);
        }

        BitFlips flips = new(folder["run"], flipped);
        Assert.True(flips.IsWhole());
        for (long bit = 0; bit < flips.HeaderBytes * 8L; bit++) Assert.True(flips.IsDetected(bit), $"bit {bit} of the header");
        Random random = new(1);
        for (int i = 0; i < 2000; i++)
        {
            long bit = random.NextInt64(flips.HeaderBytes * 8L, flips.Bytes.Length * 8L);
            Assert.True(flips.IsDetected(bit), $"bit {bit}");
        }

        Assert.True(flips.IsWhole());
    }

    [Fact]
    public void A_file_cut_anywhere_is_passed_over()
    {
        using TempFolder folder = new();
        using SmallTraining training = new();
        SavedCheckpoint saved = Checkpoint.Save(folder["run"], training.State);
        byte[] bytes = File.ReadAllBytes(saved.Path);
        for (int length = 0; length < bytes.Length; length += 7)
        {
            CrashedDisk disk = new(new() { [Path.GetFileName(saved.Path)] = bytes[..length] });
            CheckpointReadException error = Assert.Throws<CheckpointReadException>(() => Checkpoint.Load(disk, folder["run"], training.State));
            Assert.Single(error.Skipped);
        }
    }
}
