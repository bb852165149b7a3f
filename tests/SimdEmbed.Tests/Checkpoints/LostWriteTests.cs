using Xunit;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>A loss of power at any moment, and that the model would notice a saver that does not flush.</summary>
public sealed class LostWriteTests
{
    [Fact]
    public void No_acknowledged_generation_is_lost_and_no_corrupt_one_loaded()
    {
        LostWriteDisk disk = new();
        using LostWrites run = new(disk, statesPerChange: 5, seed: 1);
        run.Run(4000);
        Assert.Equal((0L, 0L), (run.Lost, run.Corrupt));
        Assert.True(run is { Chained: > 0, Compacted: > 0 }, $"{run.Chained} loaded through deltas, {run.Compacted} folded");
        Assert.True(run.Ahead > 0, "no crash fell between the rename and the flush of the directory");
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_flush_that_is_left_out_loses_acknowledged_generations(bool file, bool directory)
    {
        LostWriteDisk disk = new() { SkipsFileSync = file, SkipsDirectorySync = directory };
        using LostWrites run = new(disk, statesPerChange: 5, seed: 1);
        run.Run(1000);
        Assert.True(run.Lost > 0);
        Assert.Equal(0, run.Corrupt);
    }
}
