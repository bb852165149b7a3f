using SimdEmbed.Internals;
using SimdEmbed.Tests.Formats;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>Deltas: what is in one, that a chain comes back to the same bits, and what stops it.</summary>
public sealed class DeltaTests : IDisposable
{
    private static readonly CheckpointSaveOptions s_deltas = new() { MaxDeltas = 3 };
    private static readonly CheckpointLoadOptions s_track = new() { TrackRows = true };

    private readonly TempFolder _folder = new();

    private string Checkpoints => _folder["run"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_generation_of_a_chain_comes_back_to_the_same_bits()
    {
        using SmallTraining training = Large();
        List<ulong> hashes = [];
        List<long?> parents = [];
        for (int i = 0; i < 9; i++)
        {
            training.Step();
            hashes.Add(training.Hash());
            parents.Add(Checkpoint.Save(Checkpoints, training.State, s_deltas with { Keep = 100 }).Parent);
        }

        Assert.Equal([null, 1, 2, 3, null, 5, 6, 7, null], parents);
        for (int newest = 9; newest >= 1; newest--)
        {
            using SmallTraining loaded = Large();
            LoadedCheckpoint result = Checkpoint.Load(Checkpoints, loaded.State);
            Assert.Equal(newest, result.Generation);
            Assert.Equal(Enumerable.Range((newest - 1) / 4 * 4 + 1, ((newest - 1) % 4) + 1).Select(i => (long)i), result.Chain);
            Assert.Empty(result.Skipped);
            Assert.Equal(hashes[newest - 1], loaded.Hash());
            File.Delete(result.Path);
        }
    }

    [Theory]
    [InlineData(RowCodec.Float16)]
    [InlineData(RowCodec.BFloat16)]
    public void A_half_width_table_goes_through_a_chain(RowCodec codec)
    {
        const int Dim = 6;
        using EmbeddingTable floats = EmbeddingTable.Create(200, Dim, Initializer.Normal(1));
        using EmbeddingTable trained = floats.ConvertTo(codec);
        using EmbeddingTable zeros = new(200, Dim);
        using EmbeddingTable loaded = zeros.ConvertTo(codec);
        using Embedding embedding = new(trained, new EmbeddingOptions { Sparse = true }, leaveOpen: true);
        using Sgd optimizer = new(trained, new SgdOptions { LearningRate = 0.1f });
        TrainingState state = new();
        state.Add("table", trained);
        Checkpoint.Save(Checkpoints, state, s_deltas);
        optimizer.Step<int>(embedding, [3, 150], [.. Enumerable.Repeat(1f, 2 * Dim)]);
        trained.SetRow(7, [1, 2, 3, 4, 5, 6]);
        Assert.Equal(1, Checkpoint.Save(Checkpoints, state, s_deltas).Parent);

        TrainingState other = new();
        other.Add("table", loaded);
        Assert.Equal(2, Checkpoint.Load(Checkpoints, other).Generation);
        float[] expected = new float[Dim];
        float[] actual = new float[Dim];
        for (long row = 0; row < trained.RowCount; row++)
        {
            trained.CopyRowTo(row, expected);
            loaded.CopyRowTo(row, actual);
            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void A_load_that_tracks_goes_on_with_deltas()
    {
        using SmallTraining whole = Large();
        using SmallTraining training = Large();
        Assert.Null(Checkpoint.Save(Checkpoints, training.State).Parent);
        for (int start = 0; start < 3; start++)
        {
            using SmallTraining next = Large();
            Checkpoint.Load(Checkpoints, next.State, s_track);
            whole.Step();
            next.Step();
            Assert.Equal(start + 1, Checkpoint.Save(Checkpoints, next.State, s_deltas).Parent);
            Checkpoint.Load(Checkpoints, training.State);
            Assert.Equal(whole.Hash(), training.Hash());
        }
    }

    [Fact]
    public void A_delta_has_the_rows_that_were_written_and_no_others()
    {
        using Embedding embedding = new(1000, 4, seed: 1, new EmbeddingOptions { Sparse = true, MaxNorm = 0.5f });
        using Adagrad optimizer = new(embedding.Weight, new AdagradOptions());
        Checkpoint.Save(Checkpoints, embedding, optimizer, s_deltas);
        Assert.Equal([], Rows());

        embedding.Weight.SetRow(7, [1, 2, 3, 4]);
        Assert.Equal([7], Rows());

        using (TableEdit edit = embedding.Weight.Edit()) edit.GetRow(999)[0] = 5;
        Assert.Equal([999], Rows());

        optimizer.Step<int>(embedding, [3, 1, 4, 1, 500], new float[20]);
        Assert.Equal([1, 3, 4, 500], Rows());

        using EmbeddingGradient gradient = embedding.CreateGradient();
        embedding.Backward<int>([11, 10], new float[8], gradient);
        optimizer.Step(gradient);
        Assert.Equal([10, 11], Rows());

        // Limited in place by a lookup.
        embedding.Forward<int>([20, 600], new float[8]);
        Assert.Equal([20, 600], Rows());

        using EmbeddingBag bag = new(embedding.Weight, Pooling.Sum, new EmbeddingOptions { MaxNorm = 0.1f, Sparse = true }, leaveOpen: true);
        bag.Forward(Bags<int>.FixedLength([21, 22], 2), new float[4]);
        Assert.Equal([21, 22], Rows());

        embedding.Forward<int>([], []);
        Assert.Equal([], Rows());

        long[] Rows()
        {
            SavedCheckpoint saved = Checkpoint.Save(Checkpoints, embedding, optimizer, s_deltas with { MaxDeltas = 200 });
            Assert.NotNull(saved.Parent);
            using TableFile file = TableFile.Open(saved.Path);
            Assert.True(file.TryGetTensor("simdembed.rows.embedding.weight", out TensorInfo? rows));
            Assert.Equal(rows.Count, file.Tensors.Single(tensor => tensor.Name == "embedding.weight").Shape[0]);
            Assert.Equal(rows.Count, file.Tensors.Single(tensor => tensor.Name == "optimizer.Adagrad.0.sum").Shape[0]);
            byte[] bytes = new byte[rows.ByteLength];
            file.Read(rows.Name, bytes);
            return [.. Enumerable.Range(0, (int)rows.Count).Select(i => BitConverter.ToInt64(bytes, i * sizeof(long)))];
        }
    }

    /// <summary>Every kind of step, with options at random: what a delta leaves out must not have changed.</summary>
    [Fact]
    public void Every_optimizer_comes_back_from_a_chain()
    {
        foreach (OptimizerRule rule in OptimizerRule.All)
        {
            for (int seed = 0; seed < 12; seed++)
            {
                Random random = new(seed);
                bool sparse = random.Next(3) != 0;
                using Embedding model = new(400, 3, seed: 1, new EmbeddingOptions { Sparse = sparse });
                using Embedding loaded = new(400, 3, seed: 2, new EmbeddingOptions { Sparse = sparse });
                using Optimizer optimizer = rule.Create(new OptimizerKnobs(new Random(seed), 0.1f, throws: false), 1);
                using Optimizer other = rule.Create(new OptimizerKnobs(new Random(seed), 0.1f, throws: false), 1);
                optimizer.Add(model.Weight);
                other.Add(loaded.Weight);
                using EmbeddingGradient gradient = model.CreateGradient();
                string directory = _folder[$"{rule.Name}{seed}"];
                for (int save = 0; save < 5; save++)
                {
                    int[] indices = [.. Enumerable.Range(0, 20).Select(_ => random.Next(400))];
                    float[] values = [.. Enumerable.Range(0, 60).Select(_ => random.NextSingle() - 0.5f)];
                    if (random.Next(2) == 0)
                    {
                        optimizer.Step<int>(model, indices, values);
                    }
                    else
                    {
                        model.Backward<int>(indices, values, gradient);
                        optimizer.Step(gradient);
                    }

                    Checkpoint.Save(directory, model, optimizer, s_deltas with { MaxDeltas = 10 });
                    Checkpoint.Load(directory, loaded, other);
                    BitEqual.AssertSameBits(TestTable.Values(model.Weight), TestTable.Values(loaded.Weight), $"{rule.Name} {seed} {save}");
                    IReadOnlyDictionary<string, EmbeddingTable> expected = optimizer.State.Save();
                    foreach ((string name, EmbeddingTable table) in other.State.Save())
                    {
                        BitEqual.AssertSameBits(TestTable.Values(expected[name]), TestTable.Values(table), $"{rule.Name} {seed} {save} {name}");
                        table.Dispose();
                        expected[name].Dispose();
                    }
                }
            }
        }
    }

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
            Checkpoint.Save(_folder["other"], other.State, s_deltas);
        }

        string name = Path.GetFileName(Checkpoint.List(Checkpoints)[0].Path);
        File.Copy(Path.Combine(_folder["other"], name), Path.Combine(Checkpoints, name), overwrite: true);
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
            Assert.Null(Checkpoint.Save(_folder["other"], training.State, s_deltas).Parent);
        }

        training.Step();
        Assert.Equal(3, Checkpoint.Save(_folder["other"], training.State, s_deltas).Parent);
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
        string directory = _folder["optimizers"];
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

    [Fact]
    public void What_a_kept_delta_needs_is_kept()
    {
        using SmallTraining training = Large();
        List<string> kept = [];
        for (int i = 0; i < 9; i++)
        {
            training.Step();
            Checkpoint.Save(Checkpoints, training.State, s_deltas with { Keep = 2, MaxDeltas = 2 });
            kept.Add(string.Join(' ', Checkpoint.Verify(Checkpoints).Select(generation => generation.Problem ?? $"{generation.Generation}")));
        }

        Assert.Equal(["1", "2 1", "3 2 1", "4 3 2 1", "5 4 3 2 1", "6 5 4 3 2 1", "7 6 5 4", "8 7 6 5 4", "9 8 7 6 5 4"], kept);
        Checkpoint.Save(Checkpoints, training.State, new CheckpointSaveOptions { Keep = 1 });
        Assert.Equal([10], Checkpoint.List(Checkpoints).Select(generation => generation.Generation));
    }

    [Fact]
    public void A_chain_folds_into_a_full_checkpoint()
    {
        using SmallTraining training = Large();
        Assert.Throws<CheckpointReadException>(() => Checkpoint.Compact(Checkpoints));
        Assert.False(Directory.Exists(Checkpoints));
        SavedCheckpoint full = Checkpoint.Save(Checkpoints, training.State, s_deltas);
        Assert.Equal(full, Checkpoint.Compact(Checkpoints));
        for (int i = 0; i < 3; i++)
        {
            training.Step();
            Checkpoint.Save(Checkpoints, training.State, s_deltas);
        }

        string[] before = Directory.GetFiles(Checkpoints);
        using CancellationTokenSource source = new();
        Assert.ThrowsAny<OperationCanceledException>(() => Checkpoint.Compact(Checkpoints, progress: new Reports<CheckpointProgress>(_ => source.Cancel()), cancellationToken: source.Token));
        for (int call = 0; ; call++)
        {
            FailingDisk disk = new(call);
            try
            {
                Checkpoint.Compact(disk, _folder["run"], new CheckpointSaveOptions { Keep = 1 });
                break;
            }
            catch (IOException e) when (e is CheckpointWriteException or CheckpointReadException || e.Message == "Input/output error")
            {
                Assert.Equal(before.Order(), Directory.GetFiles(Checkpoints).Order());
            }
        }

        // One that could not be removed has kept what it builds on.
        Assert.All(Checkpoint.Verify(Checkpoints), generation => Assert.Null(generation.Problem));
        CheckpointGeneration only = Checkpoint.Verify(Checkpoints)[0];
        Assert.Equal((5L, 3L, null), (only.Generation, only.Step, only.Parent));
        AssertLoads(training);
        Assert.Equal(5, Checkpoint.Compact(Checkpoints, new CheckpointSaveOptions { Keep = 1 }).Generation);
        Assert.Single(Checkpoint.List(Checkpoints));

        // The same bytes as a full save, but for the generation.
        using SmallTraining loaded = Large();
        Checkpoint.Load(Checkpoints, loaded.State);
        byte[] folded = File.ReadAllBytes(only.Path);
        Checkpoint.Save(_folder["again"], loaded.State);
        string saved = Checkpoint.Save(_folder["again"], loaded.State).Path;
        int data = 8 + BitConverter.ToInt32(folded);
        Assert.Equal(folded[data..], File.ReadAllBytes(saved)[(8 + BitConverter.ToInt32(File.ReadAllBytes(saved)))..]);
    }

    [Fact]
    public void Rows_are_resized_on_request_from_a_chain()
    {
        using SmallTraining training = Large();
        Checkpoint.Save(Checkpoints, training.State, s_deltas);
        training.Step();
        Checkpoint.Save(Checkpoints, training.State, s_deltas);
        using SmallTraining larger = new(700, 8, users: 400);
        Checkpoint.Load(Checkpoints, larger.State, s_track with { Rows = RowCountPolicy.Grow });
        for (int row = 0; row < 600; row++) BitEqual.AssertSameBits(training.Items.Weight.GetRow(row), larger.Items.Weight.GetRow(row));
        Assert.Null(Checkpoint.Save(Checkpoints, larger.State, s_deltas).Parent);
        Assert.Equal(4, Checkpoint.Save(Checkpoints, larger.State, s_deltas).Generation);
    }

    [Fact]
    public void Progress_of_a_chain_ends_at_the_whole()
    {
        using SmallTraining training = Large();
        for (int i = 0; i < 3; i++)
        {
            training.Step();
            List<CheckpointProgress> saves = [];
            Checkpoint.Save(Checkpoints, training.State, s_deltas, new Reports<CheckpointProgress>(saves.Add));
            Assert.Equal(saves[^1].TotalBytes, saves[^1].Bytes);
        }

        List<CheckpointProgress> loads = [];
        Checkpoint.Load(Checkpoints, training.State, progress: new Reports<CheckpointProgress>(loads.Add));
        Assert.Equal(loads[^1].TotalBytes, loads[^1].Bytes);
        Assert.True(loads.Zip(loads.Skip(1)).All(pair => pair.First.Bytes <= pair.Second.Bytes));
    }

    [Fact]
    public void Tracking_allocates_nothing()
    {
        using SmallTraining training = Large();
        Checkpoint.Save(Checkpoints, training.State, s_deltas);
        using Adagrad adagrad = new(training.Items.Weight, new AdagradOptions());
        int[] indices = [1, 5, 3];
        float[] gradient = new float[24];
        Allocations.AssertNone(() =>
        {
            adagrad.Step<int>(training.Items, indices, gradient);
            training.Items.Weight.SetRow(3, gradient.AsSpan(0, 8));
            using TableEdit edit = training.Items.Weight.Edit();
            edit.GetRow(2)[0] = 1;
        });
    }

    [Fact]
    public void Tables_without_deltas_are_not_tracked()
    {
        using SmallTraining training = Large();
        Checkpoint.Save(Checkpoints, training.State);
        Checkpoint.Load(Checkpoints, training.State);
        Assert.Null(training.Items.Weight.Written);
        Assert.Throws<ArgumentOutOfRangeException>(() => Checkpoint.Save(Checkpoints, training.State, new CheckpointSaveOptions { MaxDeltas = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Checkpoint.Save(Checkpoints, training.State, new CheckpointSaveOptions { MaxDeltas = 257 }));
        long before = NativeBytes.Live;
        training.Items.Weight.TrackWritten();
        Assert.NotNull(training.Items.Weight.Written);
        training.Items.Weight.Dispose();
        Assert.True(NativeBytes.Live < before);
    }

    [Fact]
    public void Wide_rows_and_many_links_come_back()
    {
        using EmbeddingTable wide = EmbeddingTable.Create(9, 70_000, Initializer.Normal(1));
        using EmbeddingTable middle = EmbeddingTable.Create(300, 1000, Initializer.Normal(2));
        using EmbeddingTable empty = EmbeddingTable.Create(0, 3, Initializer.Normal(3));
        using EmbeddingTable thin = EmbeddingTable.Create(50, 0, Initializer.Normal(3));
        TrainingState state = State(wide, middle, empty, thin);
        Random random = new(1);
        for (int save = 0; save < 40; save++)
        {
            using (TableEdit edit = wide.Edit()) edit.GetRow(random.Next(9))[random.Next(70_000)] = save;
            using (TableEdit edit = middle.Edit()) edit.GetRow(random.Next(300)).Fill(save);
            Checkpoint.Save(Checkpoints, state, s_deltas with { MaxDeltas = 100 });
        }

        Assert.Equal(39, Checkpoint.List(Checkpoints)[0].Parent);
        using EmbeddingTable otherWide = EmbeddingTable.Create(9, 70_000, Initializer.Zeros);
        using EmbeddingTable otherMiddle = EmbeddingTable.Create(300, 1000, Initializer.Zeros);
        Checkpoint.Load(Checkpoints, State(otherWide, otherMiddle, empty, thin));
        BitEqual.AssertSameBits(TestTable.Values(wide), TestTable.Values(otherWide));
        BitEqual.AssertSameBits(TestTable.Values(middle), TestTable.Values(otherMiddle));

        static TrainingState State(params EmbeddingTable[] tables)
        {
            TrainingState state = new();
            for (int i = 0; i < tables.Length; i++) state.Add($"table{i}", tables[i]);
            return state;
        }
    }

    [Fact]
    public void Tensors_that_are_read_in_parts_come_back()
    {
        const int Rows = 40_001;
        using Embedding model = new(Rows, 64, seed: 1, new EmbeddingOptions { Sparse = true });
        using Adam adam = new(model.Weight, new AdamOptions());
        Random random = new(1);
        for (int save = 0; save < 3; save++)
        {
            int[] indices = [.. Enumerable.Range(0, 500).Select(_ => random.Next(Rows))];
            adam.Step<int>(model, indices, [.. Enumerable.Range(0, 500 * 64).Select(_ => random.NextSingle())]);
            Assert.Equal(save == 0 ? null : save, Checkpoint.Save(Checkpoints, model, adam, s_deltas).Parent);
        }

        using Embedding loaded = new(Rows, 64, seed: 2, new EmbeddingOptions { Sparse = true });
        using Adam other = new(loaded.Weight, new AdamOptions());
        List<CheckpointProgress> progress = [];
        Checkpoint.Load(Checkpoints, new TrainingState(loaded, other), progress: new Reports<CheckpointProgress>(progress.Add));
        Assert.True(progress.Zip(progress.Skip(1)).All(pair => pair.First.Bytes <= pair.Second.Bytes));
        BitEqual.AssertSameBits(TestTable.Values(model.Weight), TestTable.Values(loaded.Weight));
        for (int row = 0; row < Rows; row++)
        {
            BitEqual.AssertSameBits(adam.State.GetRow(model.Weight, "exp_avg", row), other.State.GetRow(loaded.Weight, "exp_avg", row));
            BitEqual.AssertSameBits(adam.State.GetRow(model.Weight, "exp_avg_sq", row), other.State.GetRow(loaded.Weight, "exp_avg_sq", row));
        }
    }

    private static SmallTraining Large() => new(600, 8, users: 300);

    private void AssertLoads(SmallTraining training)
    {
        using SmallTraining loaded = Large();
        Checkpoint.Load(Checkpoints, loaded.State, new CheckpointLoadOptions { AllowUnused = true });
        Assert.Equal(training.Hash(), loaded.Hash());
    }
}
