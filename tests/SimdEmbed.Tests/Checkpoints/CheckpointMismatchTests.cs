using SimdEmbed.Tests.Formats;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>A checkpoint of another model is refused and both sides are named; rows may differ where that is asked for.</summary>
public sealed class CheckpointMismatchTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Checkpoints => _folder["run"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_difference_is_named_from_both_sides_and_changes_nothing()
    {
        using Embedding saved = new(10, 4, seed: 1);
        using Adam savedAdam = new(saved.Weight, new AdamOptions { Beta1 = 0.8 });
        Checkpoint.Save(Checkpoints, saved, savedAdam);
        AdamOptions same = new() { Beta1 = 0.8 };
        (long Rows, int Dim, Func<EmbeddingTable, Optimizer> Optimizer, string[] Words)[] cases =
        [
            (11, 4, table => new Adam(table, same), ["embedding.weight", "[10, 4]", "[11, 4]", "Grow"]),
            (9, 4, table => new Adam(table, same), ["embedding.weight", "[10, 4]", "[9, 4]", "Any"]),
            (10, 5, table => new Adam(table, same), ["embedding.weight", "[10, 4]", "[10, 5]"]),
            (10, 4, table => new Adagrad(table, new AdagradOptions()), ["optimizer", "Adam", "Adagrad"]),
            (10, 4, table => new Adam(table, new AdamOptions { Beta1 = 0.9 }), ["Beta1", "0.8", "0.9"]),
            (10, 4, table => new Adam(table, same with { Amsgrad = true }), ["Amsgrad", "false", "true"]),
            (10, 4, _ => new Adam(same), ["1 parameters in the checkpoint", "0 in the program"]),
        ];
        foreach ((long rows, int dim, Func<EmbeddingTable, Optimizer> maker, string[] words) in cases)
        {
            using Embedding model = new(rows, dim, seed: 2);
            using Optimizer optimizer = maker(model.Weight);
            float[] before = TestTable.Values(model.Weight);
            TableMismatchException error = Assert.Throws<TableMismatchException>(() => Checkpoint.Load(Checkpoints, model, optimizer));
            Assert.All(words, word => Assert.Contains(word, error.Message, StringComparison.Ordinal));
            BitEqual.AssertSameBits(before, TestTable.Values(model.Weight));
        }
    }

    [Fact]
    public void Other_names_are_refused_unless_less_is_wanted()
    {
        using SmallTraining training = new();
        training.Step();
        Checkpoint.Save(Checkpoints, training.State);
        using EmbeddingTable items = new(40, 5);
        TrainingState less = new();
        less.Add("items.weight", items);
        TableMismatchException error = Assert.Throws<TableMismatchException>(() => Checkpoint.Load(Checkpoints, less));
        Assert.Contains("'adam.Adam.0.", error.Message, StringComparison.Ordinal);
        Assert.Contains("which the program has not", error.Message, StringComparison.Ordinal);
        Checkpoint.Load(Checkpoints, less, new CheckpointLoadOptions { AllowUnused = true });
        BitEqual.AssertSameBits(TestTable.Values(training.Items.Weight), TestTable.Values(items));

        less.Add("more", new float[3]);
        error = Assert.Throws<TableMismatchException>(() => Checkpoint.Load(Checkpoints, less, new CheckpointLoadOptions { AllowUnused = true }));
        Assert.Contains("'more' of [3]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_codec_is_refused_and_both_are_named()
    {
        using EmbeddingTable floats = EmbeddingTable.Create(10, 4, Initializer.Normal(1));
        using EmbeddingTable halves = floats.ConvertTo(RowCodec.Float16);
        using EmbeddingTable codes = floats.ConvertTo(RowCodec.Int8);
        TrainingState state = new();
        state.Add("table", floats);
        Checkpoint.Save(Checkpoints, state);
        TrainingState other = new();
        other.Add("table", halves);
        TableMismatchException error = Assert.Throws<TableMismatchException>(() => Checkpoint.Load(Checkpoints, other));
        Assert.Contains("'table' is Float32 in the checkpoint and Float16 in the program", error.Message, StringComparison.Ordinal);

        ArgumentException refusal = Assert.Throws<ArgumentException>(() => new TrainingState().Add("table", codes));
        Assert.Contains("Int8 rows, which are not trained", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_array_is_not_resized()
    {
        TrainingState state = new(), other = new();
        state.Add("projection", new float[8]);
        other.Add("projection", new float[9]);
        Checkpoint.Save(Checkpoints, state);
        TableMismatchException error = Assert.Throws<TableMismatchException>(
            () => Checkpoint.Load(Checkpoints, other, new CheckpointLoadOptions { Rows = RowCountPolicy.Any }));
        Assert.EndsWith("[8] in the checkpoint and [9] in the program.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_array_is_no_table()
    {
        TrainingState state = new();
        state.Add("projection", new float[8]);
        Checkpoint.Save(Checkpoints, state);
        using EmbeddingTable table = new(2, 4);
        TrainingState other = new();
        other.Add("projection", table);
        TableMismatchException error = Assert.Throws<TableMismatchException>(
            () => Checkpoint.Load(Checkpoints, other, new CheckpointLoadOptions { Rows = RowCountPolicy.Any }));
        Assert.Contains("[8] in the checkpoint and [2, 4] in the program", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(60, 25)]
    [InlineData(31, 9)]
    public void Rows_and_their_state_are_resized_on_request(int rows, int users)
    {
        using SmallTraining training = new();
        for (int i = 0; i < 4; i++) training.Step();
        Checkpoint.Save(Checkpoints, training.State);
        RowCountPolicy policy = rows > 40 ? RowCountPolicy.Grow : RowCountPolicy.Any;
        using SmallTraining resized = new(rows, users: users);
        if (policy == RowCountPolicy.Any)
        {
            Assert.Throws<TableMismatchException>(() => Checkpoint.Load(Checkpoints, resized.State, new CheckpointLoadOptions { Rows = RowCountPolicy.Grow }));
        }

        for (int i = 0; i < 2; i++) resized.Step();
        Initializer newRows = Initializer.Normal(seed: 1);
        Checkpoint.Load(Checkpoints, resized.State, new CheckpointLoadOptions { Rows = policy, NewRows = newRows });

        // The same by hand: resize the tables, and let the optimizers follow.
        using EmbeddingTable items = training.Items.Weight.Resize(rows, newRows);
        using EmbeddingTable moved = training.Users.Weight.Resize(users, newRows);
        training.Adam.Replace(training.Items.Weight, items);
        training.Sgd.Replace(training.Users.Weight, moved);
        BitEqual.AssertSameBits(TestTable.Values(items), TestTable.Values(resized.Items.Weight), "items");
        BitEqual.AssertSameBits(TestTable.Values(moved), TestTable.Values(resized.Users.Weight), "users");
        AssertSame(training.Adam.State, resized.Adam.State);
        AssertSame(training.Sgd.State, resized.Sgd.State);
    }

    [Fact]
    public void Learning_rates_are_the_checkpoints_unless_the_programs_are_kept()
    {
        using SmallTraining training = new();
        training.Step();
        Checkpoint.Save(Checkpoints, training.State);
        using SmallTraining other = new(adam: new AdamOptions { LearningRate = 0.5f, Amsgrad = true, Degree = 2 });
        Checkpoint.Load(Checkpoints, other.State);
        Assert.Equal(training.Adam.LearningRate, other.Adam.LearningRate);
        using SmallTraining kept = new(adam: new AdamOptions { LearningRate = 0.5f, Amsgrad = true, WeightDecay = 0.1f });
        Assert.Throws<TableMismatchException>(() => Checkpoint.Load(Checkpoints, kept.State));
        Checkpoint.Load(Checkpoints, kept.State, new CheckpointLoadOptions { KeepOptimizerOptions = true });
        Assert.Equal(0.5f, kept.Adam.LearningRate);
    }

    private static void AssertSame(OptimizerState expected, OptimizerState actual)
    {
        IReadOnlyDictionary<string, EmbeddingTable> left = expected.Save();
        IReadOnlyDictionary<string, EmbeddingTable> right = actual.Save();
        Assert.Equal(left.Keys, right.Keys);
        foreach ((string name, EmbeddingTable table) in left)
        {
            BitEqual.AssertSameBits(TestTable.Values(table), TestTable.Values(right[name]), name);
            table.Dispose();
            right[name].Dispose();
        }
    }
}
