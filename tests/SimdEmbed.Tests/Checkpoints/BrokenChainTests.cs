using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>Chains of deltas that are damaged, mixed up or interrupted: what is loaded, what is saved next, and that no written row is forgotten.</summary>
public sealed class BrokenChainTests : DeltaDirectory
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_damaged_or_missing_link_stops_the_chain_at_the_last_good_state(int damage)
    {
        using SmallTraining training = Large();
        List<ulong> hashes = [];
        for (int i = 0; i < 4; i++)
        {
            training.Step();
            hashes.Add(training.Hash());
            Checkpoint.Save(Checkpoints, training.State, s_deltas);
        }

        string link = Checkpoint.List(Checkpoints).Single(generation => generation.Generation == 3).Path;
        byte[] bytes = File.ReadAllBytes(link);
        if (damage == 1) File.Delete(link);
        else if (damage == 2) File.WriteAllBytes(link, bytes[..^1]);
        else File.WriteAllBytes(link, [.. bytes[..^1], (byte)(bytes[^1] ^ 16)]);

        using SmallTraining loaded = Large();
        LoadedCheckpoint result = Checkpoint.Load(Checkpoints, loaded.State);
        Assert.Equal([1L, 2], result.Chain);
        Assert.Equal(hashes[1], loaded.Hash());
        Assert.Contains("generation 3, which it builds on", result.Skipped[0].Reason, StringComparison.Ordinal);
        Assert.Equal(4, result.Skipped[0].Generation);
        Assert.Equal(damage == 1 ? 1 : 2, result.Skipped.Count);
        Assert.Equal(damage == 1 ? [4L] : [4L, 3], Checkpoint.Verify(Checkpoints).Where(generation => generation.Problem != null).Select(generation => generation.Generation));

        // And training goes on with a full one.
        Assert.Null(Checkpoint.Save(Checkpoints, loaded.State, s_deltas).Parent);
        Assert.Equal(5, Checkpoint.Load(Checkpoints, loaded.State).Generation);
    }

    [Fact]
    public void A_link_of_another_run_is_never_applied()
    {
        using SmallTraining training = Large();
        using SmallTraining other = Large();
        for (int i = 0; i < 2; i++)
        {
            training.Step();
            other.Step();
            other.Items.Weight.SetRow(0, new float[8]);
            Checkpoint.Save(Checkpoints, training.State, s_deltas);
            Checkpoint.Save(Folder["other"], other.State, s_deltas);
        }

        string name = Path.GetFileName(Checkpoint.List(Checkpoints)[0].Path);
        File.Copy(Path.Combine(Folder["other"], name), Path.Combine(Checkpoints, name), overwrite: true);
        LoadedCheckpoint result = Checkpoint.Load(Checkpoints, training.State);
        Assert.Equal(1, result.Generation);
        Assert.Contains("is not the one that generation 2 builds on", Assert.Single(result.Skipped).Reason, StringComparison.Ordinal);
        Assert.NotNull(Checkpoint.List(Checkpoints)[0].Problem);
    }

    [Fact]
    public void Saves_by_turns_into_two_directories_are_full()
    {
        using SmallTraining training = Large();
        for (int i = 0; i < 3; i++)
        {
            training.Step();
            Assert.Null(Checkpoint.Save(Checkpoints, training.State, s_deltas).Parent);
            training.Step();
            Assert.Null(Checkpoint.Save(Folder["other"], training.State, s_deltas).Parent);
        }

        training.Step();
        Assert.Equal(3, Checkpoint.Save(Folder["other"], training.State, s_deltas).Parent);
    }

    [Fact]
    public void A_save_is_full_when_rows_may_have_changed_unnoticed()
    {
        using SmallTraining training = Large();
        Full();
        Delta();

        // Another saver's generation is newest.
        using (SmallTraining other = Large()) Checkpoint.Save(Checkpoints, other.State);
        Full();
        Delta();

        // The state began anew, or was loaded from elsewhere.
        training.Adam.State.Reset();
        Full();
        IReadOnlyDictionary<string, EmbeddingTable> saved = training.Sgd.State.Save();
        training.Sgd.State.Load(saved);
        foreach (EmbeddingTable table in saved.Values) table.Dispose();
        Full();

        // A tensor came along.
        training.State.Add("more", new float[3]);
        Full();
        Delta();

        // More than half of the rows were written: a full one is not much larger.
        for (int row = 0; row < 400; row++) training.Items.Weight.SetRow(row, new float[8]);
        Full();

        // Neither options without deltas nor a plain load stop tracking.
        Assert.Null(Checkpoint.Save(Checkpoints, training.State).Parent);
        Delta();
        Checkpoint.Load(Checkpoints, training.State);
        Delta();

        void Full()
        {
            training.Step();
            Assert.Null(Checkpoint.Save(Checkpoints, training.State, s_deltas).Parent);
            AssertLoads(training);
        }

        void Delta()
        {
            training.Step();
            SavedCheckpoint saved = Checkpoint.Save(Checkpoints, training.State, s_deltas);
            Assert.Equal(saved.Generation - 1, saved.Parent);
            AssertLoads(training);
        }
    }

    [Fact]
    public void Tables_that_change_names_or_optimizers_are_saved_whole()
    {
        using EmbeddingTable first = EmbeddingTable.Create(100, 2, Initializer.Normal(1));
        using EmbeddingTable second = EmbeddingTable.Create(100, 2, Initializer.Normal(2));
        TrainingState state = new();
        state.Add("a", first);
        state.Add("b", second);
        Checkpoint.Save(Checkpoints, state, s_deltas);
        Assert.NotNull(Checkpoint.Save(Checkpoints, state, s_deltas).Parent);
        TrainingState swapped = new();
        swapped.Add("a", second);
        swapped.Add("b", first);
        Assert.Null(Checkpoint.Save(Checkpoints, swapped, s_deltas).Parent);

        using Embedding model = new(100, 2, seed: 1, new EmbeddingOptions { Sparse = true });
        using Adagrad one = new(model.Weight, new AdagradOptions());
        using Adagrad two = new(model.Weight, new AdagradOptions());
        two.Step<int>(model, [1], [1, 1]);
        string directory = Folder["optimizers"];
        Checkpoint.Save(directory, model, one, s_deltas);
        Assert.NotNull(Checkpoint.Save(directory, model, one, s_deltas).Parent);
        Assert.Null(Checkpoint.Save(directory, model, two, s_deltas).Parent);
    }

    [Fact]
    public void A_failure_at_any_call_of_a_delta_leaves_its_rows_to_the_next()
    {
        using SmallTraining training = Large();
        using SmallTraining loaded = Large();
        int refused = 0;
        for (int call = 0; ; call++)
        {
            Checkpoint.Save(Checkpoints, training.State, new CheckpointSaveOptions { Keep = 1 });
            training.Step();
            Checkpoint.Save(Checkpoints, training.State, s_deltas);
            training.Step();
            ulong hash = training.Hash();
            long newest = Checkpoint.List(Checkpoints)[0].Generation;
            FailingDisk disk = new(call);
            try
            {
                SavedCheckpoint saved = Checkpoint.Save(disk, Checkpoints, training.State, s_deltas);
                if (!disk.HasFailed)
                {
                    Assert.NotNull(saved.Parent);
                    break;
                }
            }
            catch (CheckpointWriteException error)
            {
                refused++;
                Assert.True(error.IntactGeneration is null || error.IntactGeneration == newest);
                Assert.DoesNotContain(Directory.GetFiles(Checkpoints), file => file.EndsWith(".tmp", StringComparison.Ordinal));
                Assert.Equal(hash, training.Hash());
                Assert.Equal(newest, Checkpoint.Load(Checkpoints, loaded.State).Generation);
                SavedCheckpoint again = Checkpoint.Save(Checkpoints, training.State, s_deltas);
                Assert.Equal((newest + 1, newest), (again.Generation, again.Parent));
            }

            AssertLoads(training);
        }

        Assert.True(refused > 20, $"{refused} calls failed");
    }

    [Fact]
    public void A_cancelled_delta_leaves_its_rows_to_the_next()
    {
        using SmallTraining training = Large();
        Checkpoint.Save(Checkpoints, training.State, s_deltas);
        int cancelled = 0;
        for (int at = 1; ; at++)
        {
            Checkpoint.Save(Checkpoints, training.State);
            training.Step();
            using CancellationTokenSource source = new();
            int seen = 0;
            try
            {
                Checkpoint.Save(Checkpoints, training.State, s_deltas, new Reports<CheckpointProgress>(_ => { if (++seen == at) source.Cancel(); }), source.Token);
                break;
            }
            catch (OperationCanceledException)
            {
                cancelled++;
            }

            Assert.NotNull(Checkpoint.Save(Checkpoints, training.State, s_deltas).Parent);
            AssertLoads(training);
        }

        Assert.True(cancelled > 5, $"{cancelled} cancelled");
    }
}
