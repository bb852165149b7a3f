using SimdEmbed.Internals;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>Deltas: what is in one, that a chain comes back to the same bits, and what stops it.</summary>
public sealed class DeltaTests : DeltaDirectory
{
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
        BitEqual.AssertSameBits(TestTable.Values(trained), TestTable.Values(loaded));
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
                string directory = Folder[$"{rule.Name}{seed}"];
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
                Checkpoint.Compact(disk, Folder["run"], new CheckpointSaveOptions { Keep = 1 });
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
        Checkpoint.Save(Folder["again"], loaded.State);
        string saved = Checkpoint.Save(Folder["again"], loaded.State).Path;
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

    /// <summary>Rows of an optimizer's state that are more than a piece each, and more numbers of rows than a piece has.</summary>
    [Fact]
    public void Wide_state_and_long_lists_of_rows_come_back()
    {
        const int Dim = 70_000;
        const int Many = 20_000;
        EmbeddingOptions sparse = new() { Sparse = true };
        using Embedding model = new(5, Dim, seed: 1, sparse), loaded = new(5, Dim, seed: 2, sparse);
        using Adam adam = new(model.Weight, new AdamOptions()), other = new(loaded.Weight, new AdamOptions());
        using EmbeddingTable thin = EmbeddingTable.Create(Many, 1, Initializer.Normal(3)), otherThin = EmbeddingTable.Create(Many, 1, Initializer.Zeros);
        TrainingState state = new(model, adam), target = new(loaded, other);
        state.Add("thin", thin);
        target.Add("thin", otherThin);
        float[] gradient = [.. Enumerable.Range(0, Dim).Select(i => (i % 7) - 3f)];
        adam.Step<int>(model, [1], gradient);
        Checkpoint.Save(Checkpoints, state, s_deltas);
        adam.Step<int>(model, [3], gradient);
        for (int row = 0; row < Many; row += 4) thin.SetRow(row, [row]);
        Assert.Equal(1, Checkpoint.Save(Checkpoints, state, s_deltas).Parent);

        Checkpoint.Load(Checkpoints, target);
        BitEqual.AssertSameBits(TestTable.Values(model.Weight), TestTable.Values(loaded.Weight));
        BitEqual.AssertSameBits(TestTable.Values(thin), TestTable.Values(otherThin));
        for (int row = 0; row < 5; row++)
        {
            BitEqual.AssertSameBits(adam.State.GetRow(model.Weight, "exp_avg", row), other.State.GetRow(loaded.Weight, "exp_avg", row));
            BitEqual.AssertSameBits(adam.State.GetRow(model.Weight, "exp_avg_sq", row), other.State.GetRow(loaded.Weight, "exp_avg_sq", row));
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
}
