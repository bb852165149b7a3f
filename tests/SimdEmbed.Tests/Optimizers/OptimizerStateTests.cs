using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Optimizers;

/// <summary>What an optimizer remembers: listed, saved, loaded, reset, and carried along when a table is resized.</summary>
public sealed class OptimizerStateTests
{
    private const int Rows = 20;
    private const int Dim = 11;

    /// <summary>Two steps, a copy into a second optimizer, and from there on the same bits.</summary>
    [Fact]
    public void A_loaded_optimizer_goes_on_to_the_same_bits()
    {
        foreach (OptimizerRule rule in OptimizerRule.All)
        {
            for (int seed = 0; seed < 6; seed++)
            {
                OptimizerKnobs knobs = new(new Random(seed), 0.1f, throws: false);
                using Embedding first = NewEmbedding();
                using Optimizer optimizer = rule.Create(knobs, 1);
                optimizer.Add(first.Weight);
                Step(optimizer, first, 1);
                Step(optimizer, first, 2);

                using Embedding second = new(TestTable.From(TestTable.Values(first.Weight), Rows, Dim), new EmbeddingOptions { Sparse = true });
                using Optimizer loaded = rule.Create(knobs, 1);
                loaded.Add(second.Weight);
                Step(loaded, second, 9);
                for (int row = 0; row < Rows; row++) second.Weight.SetRow(row, first.Weight.GetRow(row));
                IReadOnlyDictionary<string, EmbeddingTable> saved = optimizer.State.Save();
                Assert.Equal(optimizer.State.Entries.Select(entry => (entry.Name, entry.Rows, entry.Columns)), saved.Select(pair => (pair.Key, pair.Value.RowCount, pair.Value.Dim)));
                loaded.State.Load(saved);
                foreach (EmbeddingTable table in saved.Values) table.Dispose();
                Assert.Equal(2, loaded.State.StepsOf(second.Weight));
                Step(optimizer, first, 3);
                Step(loaded, second, 3);
                BitEqual.AssertSameBits(TestTable.Values(first.Weight), TestTable.Values(second.Weight), $"{rule.Name} {seed}");
            }
        }
    }

    [Fact]
    public void A_reset_optimizer_starts_anew()
    {
        using Embedding first = NewEmbedding(), second = NewEmbedding();
        using Adagrad used = new(first.Weight, new AdagradOptions { InitialAccumulatorValue = 0.5f });
        using Adagrad fresh = new(second.Weight, new AdagradOptions { InitialAccumulatorValue = 0.5f });
        Step(used, first, 1);
        for (int row = 0; row < Rows; row++) first.Weight.SetRow(row, second.Weight.GetRow(row));
        used.State.Reset();
        Assert.Equal(0, used.State.StepsOf(first.Weight));
        Step(used, first, 2);
        Step(fresh, second, 2);
        BitEqual.AssertSameBits(TestTable.Values(second.Weight), TestTable.Values(first.Weight));
    }

    [Theory]
    [InlineData(Rows + 7)]
    [InlineData(Rows - 7)]
    public void State_follows_a_resized_table(int rows)
    {
        using Embedding small = NewEmbedding();
        using Adam optimizer = new(small.Weight, new AdamOptions());
        Step(optimizer, small, 1);
        float[][] before = [.. Enumerable.Range(0, Rows).Select(row => optimizer.State.GetRow(small.Weight, "exp_avg", row).ToArray())];
        using EmbeddingTable resized = small.Weight.Resize(rows, Initializer.Normal(5));
        optimizer.Replace(small.Weight, resized);
        Assert.Equal(1, optimizer.State.StepsOf(resized));
        for (int row = 0; row < rows; row++)
        {
            BitEqual.AssertSameBits(row < Rows ? before[row] : new float[Dim], optimizer.State.GetRow(resized, "exp_avg", row));
        }

        Assert.Throws<ArgumentException>(() => optimizer.State.StepsOf(small.Weight));
        using EmbeddingTable wide = new(rows, Dim + 1);
        Assert.Contains($"resized has rows of {Dim + 1}, the table of {Dim}", Assert.Throws<ArgumentException>(() => optimizer.Replace(resized, wide)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void State_of_another_optimizer_shape_or_kind_is_refused_and_both_sides_are_named()
    {
        using Embedding embedding = NewEmbedding();
        using Adam adam = new(embedding.Weight, new AdamOptions());
        using Adagrad adagrad = new(embedding.Weight, new AdagradOptions());
        using Adam plain = new(embedding.Weight, new AdamOptions());
        using Adam amsgrad = new(embedding.Weight, new AdamOptions { Amsgrad = true });
        using EmbeddingTable other = new(Rows + 1, Dim);
        using Adam larger = new(other, new AdamOptions());
        Step(adam, embedding, 1);
        using Saved saved = new(adam);
        float[] before = adam.State.GetRow(embedding.Weight, "exp_avg", 3).ToArray();

        Assert.Equal("'Adam.0.step' is the state of Adam; this optimizer is Adagrad. (Parameter 'state')", Refusal(adagrad, saved.Tables));
        Assert.Equal($"'Adam.0.exp_avg' has shape [{Rows}, {Dim}]; the optimizer's has [{Rows + 1}, {Dim}]. (Parameter 'state')", Refusal(larger, saved.Tables));
        Assert.Equal($"'Adam.0.max_exp_avg_sq' is missing; the optimizer has it with shape [{Rows}, {Dim}]. (Parameter 'state')", Refusal(amsgrad, saved.Tables));
        Dictionary<string, EmbeddingTable> more = new(saved.Tables) { ["Adam.1.step"] = saved.Tables["Adam.0.step"] };
        Assert.Contains("'Adam.1.step' is unknown", Refusal(plain, more), StringComparison.Ordinal);
        more.Remove("Adam.1.step");
        more.Remove("Adam.0.exp_avg");
        Assert.Contains("'Adam.0.exp_avg' is missing", Refusal(adam, more), StringComparison.Ordinal);
        using EmbeddingTable noStep = new(1, 2);
        foreach (float step in new[] { -1, float.NaN, 1 << 20 })
        {
            noStep.SetRow(0, [step, 0]);
            Assert.Contains("'Adam.0.step' is ", Refusal(adam, new Dictionary<string, EmbeddingTable>(saved.Tables) { ["Adam.0.step"] = noStep }), StringComparison.Ordinal);
        }

        BitEqual.AssertSameBits(before, adam.State.GetRow(embedding.Weight, "exp_avg", 3));
        Assert.Contains("remembers exp_avg, exp_avg_sq, and no 'sum'", Assert.Throws<ArgumentException>(() => adam.State.GetRow(embedding.Weight, "sum", 0).ToArray()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => adam.State.GetRow(embedding.Weight, "exp_avg", Rows).ToArray());
    }

    private static Embedding NewEmbedding() => new(Rows, Dim, seed: 4, new EmbeddingOptions { Sparse = true });

    private static void Step(Optimizer optimizer, Embedding embedding, int seed)
    {
        Random random = new(seed);
        int[] indices = [.. Enumerable.Range(0, 15).Select(_ => random.Next(Rows))];
        optimizer.Step<int>(embedding, indices, [.. Enumerable.Range(0, 15 * Dim).Select(_ => random.NextSingle() - 0.5f)]);
    }

    private static string Refusal(Optimizer optimizer, IEnumerable<KeyValuePair<string, EmbeddingTable>> state) =>
        Assert.Throws<ArgumentException>(() => optimizer.State.Load(state)).Message;

    private sealed class Saved(Optimizer optimizer) : IDisposable
    {
        public Dictionary<string, EmbeddingTable> Tables { get; } = new(optimizer.State.Save());

        public void Dispose()
        {
            foreach (EmbeddingTable table in Tables.Values) table.Dispose();
        }
    }
}
