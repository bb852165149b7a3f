using SimdEmbed.Checkpoints;
using SimdEmbed.Tests.Formats;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>Saving, loading, generations, and what happens when something is in the way.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Checkpoints => _folder["run"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Training_goes_on_to_the_same_bits()
    {
        using SmallTraining whole = new();
        using SmallTraining first = new();
        for (int i = 0; i < 5; i++)
        {
            whole.Step();
            first.Step();
        }

        SavedCheckpoint saved = Checkpoint.Save(Checkpoints, first.State);
        using SmallTraining second = new();
        LoadedCheckpoint loaded = Checkpoint.Load(Checkpoints, second.State);
        Assert.Equal((1L, saved.Path), (loaded.Generation, loaded.Path));
        Assert.Empty(loaded.Skipped);
        Assert.Equal(5, second.State.Step);
        Assert.Equal(whole.Hash(), second.Hash());
        for (int i = 0; i < 5; i++)
        {
            whole.Step();
            second.Step();
        }

        Assert.Equal(whole.Hash(), second.Hash());
        Assert.Equal(new FileInfo(saved.Path).Length, saved.Bytes);
    }

    [Fact]
    public void Every_optimizer_comes_back()
    {
        int[] indices = [3, 1, 4, 1, 5, 9, 2, 6];
        float[] gradient = [.. Enumerable.Range(0, indices.Length * 3).Select(i => (i % 7) - 3f)];
        Func<EmbeddingTable, Optimizer>[] makers =
        [
            table => new Sgd(table, new SgdOptions { LearningRate = 0.1f, Momentum = 0.5f }),
            table => new Adagrad(table, new AdagradOptions { InitialAccumulatorValue = 0.1f }),
            table => new RowWiseAdagrad(table, new RowWiseAdagradOptions()),
            table => new Adam(table, new AdamOptions { Amsgrad = true, ClipValue = float.PositiveInfinity }),
            table => new AdamW(table, new AdamWOptions()),
            table => new SparseAdam(table, new SparseAdamOptions()),
            table => new RmsProp(table, new RmsPropOptions()),
            table => new Ftrl(table, new FtrlOptions()),
        ];
        foreach (Func<EmbeddingTable, Optimizer> maker in makers)
        {
            using EmbeddingBag trained = new(10, 3, seed: 1, Pooling.Sum, new EmbeddingOptions { Sparse = true });
            using EmbeddingBag loaded = new(10, 3, seed: 2, Pooling.Sum, new EmbeddingOptions { Sparse = true });
            using Optimizer optimizer = maker(trained.Weight);
            using Optimizer other = maker(loaded.Weight);
            string directory = _folder[optimizer.GetType().Name];
            for (int i = 0; i < 3; i++) optimizer.Step(trained, Bags<int>.FixedLength(indices, 1), gradient);
            Checkpoint.Save(directory, trained, optimizer);
            Checkpoint.Load(directory, loaded, other);
            for (int i = 0; i < 3; i++)
            {
                optimizer.Step(trained, Bags<int>.FixedLength(indices, 1), gradient);
                other.Step(loaded, Bags<int>.FixedLength(indices, 1), gradient);
            }

            BitEqual.AssertSameBits(TestTable.Values(trained.Weight), TestTable.Values(loaded.Weight), optimizer.GetType().Name);
        }
    }

    [Fact]
    public void A_checkpoint_is_a_plain_safetensors_file()
    {
        using SmallTraining training = new();
        training.Step();
        SavedCheckpoint saved = Checkpoint.Save(Checkpoints, training.State);
        using TableFile file = TableFile.Open(saved.Path);
        Assert.Equal(file.Tensors.Count, file.Verify());
        using EmbeddingTable items = file.LoadTable("items.weight");
        BitEqual.AssertSameBits(TestTable.Values(training.Items.Weight), TestTable.Values(items));
        using EmbeddingTable moment = file.LoadTable("adam.Adam.0.exp_avg");
        BitEqual.AssertSameBits(training.Adam.State.GetRow(training.Items.Weight, "exp_avg", 3), moment.GetRow(3));
        Assert.Equal("a \"small\" one", file.Metadata["user.run"]);
        Assert.Contains("\"Kind\":\"Adam\"", file.Metadata["simdembed.optimizer.adam"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_last_generations_are_kept(int keep)
    {
        using SmallTraining training = new();
        for (int i = 0; i < 5; i++) Checkpoint.Save(Checkpoints, training.State, new CheckpointSaveOptions { Keep = keep });
        Assert.Equal(Enumerable.Range(0, keep).Select(i => 5L - i), Checkpoint.Verify(Checkpoints).Select(generation => generation.Generation));
        Assert.All(Checkpoint.Verify(Checkpoints), generation => Assert.Null(generation.Problem));
    }

    [Fact]
    public void A_damaged_generation_is_passed_over_and_not_counted_as_kept()
    {
        using SmallTraining training = new();
        training.Step();
        Checkpoint.Save(Checkpoints, training.State);
        ulong first = training.Hash();
        training.Step();
        SavedCheckpoint second = Checkpoint.Save(Checkpoints, training.State);
        byte[] bytes = File.ReadAllBytes(second.Path);
        File.WriteAllBytes(second.Path, bytes[..^1]);
        using SmallTraining loaded = new();
        LoadedCheckpoint result = Checkpoint.Load(Checkpoints, loaded.State);
        Assert.Equal(1, result.Generation);
        Assert.Equal(first, loaded.Hash());
        SkippedGeneration skipped = Assert.Single(result.Skipped);
        Assert.Equal((2L, second.Path), (skipped.Generation, skipped.Path));
        Assert.Contains("safetensors", skipped.Reason, StringComparison.Ordinal);

        Assert.Equal(3, Checkpoint.Save(Checkpoints, loaded.State).Generation);
        Assert.Equal([3, 2, 1], Checkpoint.Verify(Checkpoints).Select(generation => generation.Generation));
        Checkpoint.Save(Checkpoints, loaded.State);
        Assert.Equal([4, 3], Checkpoint.Verify(Checkpoints).Select(generation => generation.Generation));
    }

    [Fact]
    public void Nothing_to_load_is_said_and_nothing_is_changed()
    {
        using SmallTraining training = new();
        Assert.False(Checkpoint.Exists(Checkpoints));
        Assert.Empty(Checkpoint.Verify(Checkpoints));
        Assert.Contains("there is no checkpoint", Assert.Throws<CheckpointReadException>(() => Checkpoint.Load(Checkpoints, training.State)).Message, StringComparison.Ordinal);
        SavedCheckpoint saved = Checkpoint.Save(Checkpoints, training.State);
        Assert.True(Checkpoint.Exists(Checkpoints));
        byte[] bytes = File.ReadAllBytes(saved.Path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(saved.Path, bytes);
        training.Step();
        ulong before = training.Hash();
        CheckpointReadException error = Assert.Throws<CheckpointReadException>(() => Checkpoint.Load(Checkpoints, training.State));
        Assert.Contains("nothing was changed", error.Message, StringComparison.Ordinal);
        Assert.Contains("XxHash3", Assert.Single(error.Skipped).Reason, StringComparison.Ordinal);
        Assert.Equal(before, training.Hash());
    }

    [Fact]
    public void A_generation_under_another_name_is_passed_over()
    {
        using SmallTraining training = new();
        SavedCheckpoint saved = Checkpoint.Save(Checkpoints, training.State);
        File.Copy(saved.Path, saved.Path.Replace("00000001", "00000007", StringComparison.Ordinal));
        LoadedCheckpoint loaded = Checkpoint.Load(Checkpoints, training.State);
        Assert.Equal(1, loaded.Generation);
        Assert.Contains("generation 1 under the name of another", Assert.Single(loaded.Skipped).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_saver_is_refused()
    {
        using SmallTraining training = new();
        Checkpoint.Save(Checkpoints, training.State);
        using (CheckpointDisk.Instance.TryLock(Path.Combine(Checkpoints, "checkpoint.lock")))
        {
            CheckpointWriteException error = Assert.Throws<CheckpointWriteException>(() => Checkpoint.Save(Checkpoints, training.State));
            Assert.Contains("another saver", error.Message, StringComparison.Ordinal);
            Assert.Equal(1, error.IntactGeneration);
            Assert.Equal(1, Checkpoint.Load(Checkpoints, training.State).Generation);
        }

        Assert.Equal(2, Checkpoint.Save(Checkpoints, training.State).Generation);
    }

    [Fact]
    public void Stale_temporary_files_are_swept_and_others_left()
    {
        using SmallTraining training = new();
        Directory.CreateDirectory(Checkpoints);
        File.WriteAllText(Path.Combine(Checkpoints, ".checkpoint-00000003.safetensors.tmp"), "half");
        File.WriteAllText(Path.Combine(Checkpoints, "notes.tmp"), "mine");
        Checkpoint.Save(Checkpoints, training.State);
        Assert.Equal(["checkpoint-00000001.safetensors", "checkpoint.lock", "notes.tmp"], Names());
    }

    [Fact]
    public void A_failure_at_any_call_leaves_the_previous_generation_and_can_be_repeated()
    {
        using SmallTraining training = new();
        training.Step();
        Checkpoint.Save(Checkpoints, training.State);
        int refused = 0;
        for (int call = 0; ; call++)
        {
            string[] before = Names();
            long newest = Checkpoint.Verify(Checkpoints)[0].Generation;
            ulong hash = training.Hash();
            FailingDisk disk = new(call);
            try
            {
                Checkpoint.Save(disk, Checkpoints, training.State);
                if (!disk.HasFailed) break;
            }
            catch (CheckpointWriteException error)
            {
                refused++;
                Assert.Equal("Input/output error", error.InnerException!.Message);
                Assert.Equal(before, Names());
                Assert.True(error.IntactGeneration is null || error.IntactGeneration == newest);
                Assert.Null(Checkpoint.Verify(Checkpoints)[0].Problem);
                Assert.Equal(hash, training.Hash());
                Assert.Equal(newest + 1, Checkpoint.Save(Checkpoints, training.State).Generation);
            }
        }

        Assert.True(refused > 20, $"{refused} calls failed");
    }

    [Fact]
    public void A_cancelled_save_leaves_the_previous_generation_and_nothing_else()
    {
        using SmallTraining training = new();
        Checkpoint.Save(Checkpoints, training.State);
        string[] before = Names();
        int reports = 0;
        Checkpoint.Save(_folder["other"], training.State, progress: new Reports<CheckpointProgress>(_ => reports++));
        for (int at = 1; at <= reports; at++)
        {
            using CancellationTokenSource source = new();
            int seen = 0;
            Reports<CheckpointProgress> progress = new(_ => { if (++seen == at) source.Cancel(); });
            Assert.ThrowsAny<OperationCanceledException>(() => Checkpoint.Save(Checkpoints, training.State, progress: progress, cancellationToken: source.Token));
            Assert.Equal(before, Names());
        }

        Assert.True(reports > 10);
        Assert.Equal(2, Checkpoint.Save(Checkpoints, training.State).Generation);
    }

    [Fact]
    public async Task Saving_and_loading_in_the_background_report_progress()
    {
        using SmallTraining training = new();
        training.Step();
        List<CheckpointProgress> reports = [];
        SavedCheckpoint saved = await Checkpoint.SaveAsync(Checkpoints, training.State, progress: new Reports<CheckpointProgress>(reports.Add));
        Assert.Equal(reports[^1].TotalBytes, reports[^1].Bytes);
        Assert.True(saved.Bytes > reports[^1].TotalBytes);
        Assert.True(reports.Zip(reports.Skip(1)).All(pair => pair.First.Bytes <= pair.Second.Bytes));

        reports.Clear();
        using SmallTraining loaded = new();
        await Checkpoint.LoadAsync(Checkpoints, loaded.State, progress: new Reports<CheckpointProgress>(reports.Add));
        Assert.Equal(training.Hash(), loaded.Hash());
        Assert.True(reports.Zip(reports.Skip(1)).All(pair => pair.First.Bytes <= pair.Second.Bytes));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Checkpoint.SaveAsync(Checkpoints, training.State, cancellationToken: new CancellationToken(canceled: true)));
        ulong before = loaded.Hash();
        using CancellationTokenSource source = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Checkpoint.LoadAsync(Checkpoints, loaded.State, progress: new Reports<CheckpointProgress>(_ => source.Cancel()), cancellationToken: source.Token));
        Assert.Equal(before, loaded.Hash());
    }

    [Fact]
    public void Memory_does_not_grow_with_the_table()
    {
        const int Rows = 300_000;
        using Embedding embedding = new(Rows, 64, seed: 1, new EmbeddingOptions { Sparse = true });
        using Adam adam = new(embedding.Weight, new AdamOptions());
        Checkpoint.Save(Checkpoints, embedding, adam);
        long managed = GC.GetAllocatedBytesForCurrentThread();
        long native = SimdEmbed.Internals.NativeBytes.TakenByThread;
        Checkpoint.Save(Checkpoints, embedding, adam);
        Checkpoint.Load(Checkpoints, embedding, adam);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - managed, 0, 8 << 20);
        Assert.InRange(SimdEmbed.Internals.NativeBytes.TakenByThread - native, 0, 8 << 20);
    }

    [Fact]
    public void Invalid_calls_are_refused()
    {
        using SmallTraining training = new();
        Assert.Throws<ArgumentOutOfRangeException>(() => Checkpoint.Save(Checkpoints, training.State, new CheckpointSaveOptions { Keep = 0 }));
        Assert.Throws<ArgumentException>(() => Checkpoint.Save("", training.State));
        Assert.Throws<ArgumentException>(() => training.State.Add("bias", new float[1]));
        Assert.Throws<ArgumentException>(() => training.State.Add("simdembed.x", new float[1]));
        Assert.Throws<ArgumentException>(() => training.State.Add("half \ud800", new float[1]));
        Assert.Throws<ArgumentException>(() => training.State.Add("", new float[1]));
        Assert.Throws<ArgumentException>(() => training.State.Add("", training.Items));
        training.State.Metadata["half"] = "\ud800";
        Assert.Throws<ArgumentException>(() => Checkpoint.Save(Checkpoints, training.State));
        Assert.Equal(["checkpoint.lock"], Names());
        training.State.Metadata.Remove("half");
        training.Items.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Checkpoint.Save(Checkpoints, training.State));
        Assert.Equal(["checkpoint.lock"], Names());
    }

    private string[] Names() => [.. Directory.GetFiles(Checkpoints).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
