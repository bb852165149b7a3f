using SimdEmbed.Tests.Formats;
using Xunit;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>A directory of deltas, and a training that is saved there.</summary>
public abstract class DeltaDirectory : IDisposable
{
    private protected static readonly CheckpointSaveOptions s_deltas = new() { MaxDeltas = 3 };
    private protected static readonly CheckpointLoadOptions s_track = new() { TrackRows = true };

    private protected TempFolder Folder { get; } = new();

    private protected string Checkpoints => Folder["run"];

    public void Dispose()
    {
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static SmallTraining Large() => new(600, 8, users: 300);

    private protected void AssertLoads(SmallTraining training)
    {
        using SmallTraining loaded = Large();
        Checkpoint.Load(Checkpoints, loaded.State, new CheckpointLoadOptions { AllowUnused = true });
        Assert.Equal(training.Hash(), loaded.Hash());
    }
}
