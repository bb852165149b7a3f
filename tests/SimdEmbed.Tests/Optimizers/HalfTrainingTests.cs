using SimdEmbed.Kernels;
using SimdEmbed.Tables;
using SimdEmbed.Tests.Formats;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Optimizers;

/// <summary>Tables of half width that are trained: the optimizers against the reference are in <see cref="OptimizerModel"/>.</summary>
public sealed class HalfTrainingTests
{
    private const int Dim = 64;

    public static TheoryData<string, RowCodec> Rules()
    {
        TheoryData<string, RowCodec> rules = [];
        foreach (string name in new[] { "Sgd", "Adagrad", "RowWiseAdagrad", "Adam", "SparseAdam", "RmsProp" })
        {
            rules.Add(name, RowCodec.Float16);
            rules.Add(name, RowCodec.BFloat16);
        }

        return rules;
    }

    /// <summary>Weights of 8 are to become 7.5 by steps of 0.001, or less: half the distance of two bfloat16 there is 0.03, of two halves 0.004.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void Stochastic_rounding_trains_where_rounding_to_nearest_stalls(string name, RowCodec codec)
    {
        float stalled = Train(name, codec, HalfRounding.Nearest);
        float trained = Train(name, codec, HalfRounding.Stochastic);
        float floats = Train(name, RowCodec.Float32, HalfRounding.Stochastic);
        Assert.Equal(8, stalled);
        Assert.True(floats < 7.9f, $"float32 trains to {floats}");
        Assert.True(Math.Abs(trained - floats) < 0.25f * (8 - floats), $"float32 trains to {floats}, {codec} to {trained}");
    }

    [Fact]
    public void The_same_seed_gives_the_same_bits_and_another_seed_others()
    {
        float[] first = Weights(1), again = Weights(1), other = Weights(2);
        BitEqual.AssertSameBits(first, again);
        Assert.NotEqual(first, other);

        static float[] Weights(ulong seed)
        {
            using EmbeddingTable table = Half(RowCodec.BFloat16, 10, 1);
            using Sgd optimizer = new(table, new SgdOptions { LearningRate = 0.01f, RoundingSeed = seed });
            Steps(optimizer, table, 5);
            return TestTable.Values(table);
        }
    }

    [Fact]
    public void Tables_of_one_optimizer_are_rounded_by_chances_of_their_own()
    {
        using EmbeddingTable first = Half(RowCodec.BFloat16, 10, 1), second = Half(RowCodec.BFloat16, 10, 1);
        using Sgd optimizer = new(first, new SgdOptions { LearningRate = 0.001f });
        optimizer.Add(second);
        Steps(optimizer, first, 3);
        Steps(optimizer, second, 3);
        Assert.NotEqual(TestTable.Values(first), TestTable.Values(second));
    }

    [Theory]
    [InlineData(RowCodec.Float16)]
    [InlineData(RowCodec.BFloat16)]
    public void Training_goes_on_from_a_checkpoint_with_the_same_bits(RowCodec codec)
    {
        using TempFolder folder = new();
        using EmbeddingTable whole = Half(codec, 50, 3), parted = Half(codec, 50, 3), resumed = new(50, Dim, codec);
        using (Adam optimizer = New(whole)) Steps(optimizer, whole, 10);
        using (Adam optimizer = New(parted))
        {
            Steps(optimizer, parted, 6);
            Checkpoint.Save(folder["run"], State(parted, optimizer));
        }

        using (Adam optimizer = New(resumed))
        {
            Checkpoint.Load(folder["run"], State(resumed, optimizer));
            BitEqual.AssertSameBits(TestTable.Values(parted), TestTable.Values(resumed), "loaded");
            Steps(optimizer, resumed, 4, from: 6);
        }

        BitEqual.AssertSameBits(TestTable.Values(whole), TestTable.Values(resumed), "trained on");

        // A table of another codec is not what was saved, and codes are no training state.
        using EmbeddingTable floats = new(50, Dim);
        using Adam other = New(floats);
        Assert.Throws<TableMismatchException>(() => Checkpoint.Load(folder["run"], State(floats, other)));
        using EmbeddingTable codes = floats.ConvertTo(RowCodec.Int8);
        Assert.Throws<ArgumentException>(() => new TrainingState().Add("codes", codes));

        static Adam New(EmbeddingTable table) => new(table, new AdamOptions { LearningRate = 0.002f, RoundingSeed = 7 });

        static TrainingState State(EmbeddingTable table, Optimizer optimizer)
        {
            TrainingState state = new();
            state.Add("items", table);
            state.Add("adam", optimizer);
            return state;
        }
    }

    [Fact]
    public void Integer_codes_are_not_trained()
    {
        using EmbeddingTable floats = EmbeddingTable.Create(4, Dim, Initializer.Normal(1));
        foreach (RowCodec codec in new[] { RowCodec.Int8, RowCodec.Int4, RowCodec.Int2 })
        {
            using EmbeddingTable codes = floats.ConvertTo(codec);
            Assert.Throws<InvalidOperationException>(() => new Sgd(codes, new SgdOptions()));
            using Embedding embedding = new(codes, leaveOpen: true);
            using SparseGradient gradient = new(codes);
            Assert.Throws<InvalidOperationException>(() => embedding.Backward<int>([1], new float[Dim], gradient));
        }
    }

    /// <summary>Numbers of every size between two neighbours of a codec: which of the two is a matter of chance, and the mean is the number.</summary>
    [Theory]
    [InlineData(RowCodec.Float16)]
    [InlineData(RowCodec.BFloat16)]
    public unsafe void The_expectation_of_a_dithered_number_is_the_number(RowCodec codec)
    {
        const int Draws = 20_000;
        Random random = new(1);
        float[] values = new float[Dim];
        ushort[] row = new ushort[Dim];
        double[] sums = new double[Dim];
        float[] lowest = new float[Dim], highest = new float[Dim], decoded = new float[Dim];
        for (int i = 0; i < Dim; i++) values[i] = (float)((random.NextDouble() - 0.5) * Math.Pow(2, (i % 40) - 26));
        Array.Fill(lowest, float.PositiveInfinity);
        Array.Fill(highest, float.NegativeInfinity);
        for (int draw = 0; draw < Draws; draw++)
        {
            float[] copy = [.. values, .. new float[16]];
            RowRounding rounding = new(dithers: true, seed: 5, parameter: 0, step: draw);
            fixed (float* start = copy)
            fixed (ushort* target = row)
            {
                if (codec == RowCodec.Float16) rounding.Store<Float16>(start, Dim, (byte*)target, 3);
                else rounding.Store<BFloat16>(start, Dim, (byte*)target, 3);
            }

            for (int i = 0; i < Dim; i++)
            {
                decoded[i] = codec == RowCodec.Float16 ? (float)BitConverter.UInt16BitsToHalf(row[i]) : BitConverter.UInt32BitsToSingle((uint)row[i] << 16);
                sums[i] += decoded[i];
                lowest[i] = Math.Min(lowest[i], decoded[i]);
                highest[i] = Math.Max(highest[i], decoded[i]);
            }
        }

        for (int i = 0; i < Dim; i++)
        {
            double distance = highest[i] - lowest[i];
            Assert.InRange(values[i], lowest[i] - distance, highest[i] + distance);
            double deviation = Math.Abs((sums[i] / Draws) - values[i]);
            double ulp = codec == RowCodec.Float16 ? Math.Max(Math.Pow(2, -24), Math.Pow(2, Math.Floor(Math.Log2(Math.Abs(values[i]))) - 10)) : Math.Pow(2, Math.Floor(Math.Log2(Math.Abs(values[i]))) - 7);
            Assert.True(deviation < 0.02 * ulp, $"{values[i]} becomes {sums[i] / Draws} on average; two neighbours are {ulp} apart");
        }
    }

    private static float Train(string name, RowCodec codec, HalfRounding rounding)
    {
        using EmbeddingTable table = new(1, Dim, codec);
        float[] row = new float[Dim];
        Array.Fill(row, 8f);
        table.SetRow(0, row);
        using Optimizer optimizer = name switch
        {
            "Sgd" => new Sgd(new SgdOptions { LearningRate = 0.001f, HalfRounding = rounding }),
            "Adagrad" => new Adagrad(new AdagradOptions { LearningRate = 0.0015f, HalfRounding = rounding }),
            "RowWiseAdagrad" => new RowWiseAdagrad(new RowWiseAdagradOptions { LearningRate = 0.0015f, HalfRounding = rounding }),
            "Adam" => new Adam(new AdamOptions { LearningRate = 0.001f, HalfRounding = rounding }),
            "SparseAdam" => new SparseAdam(new SparseAdamOptions { LearningRate = 0.001f, HalfRounding = rounding }),
            _ => new RmsProp(new RmsPropOptions { LearningRate = 0.00015f, HalfRounding = rounding }),
        };
        optimizer.Add(table);
        using Embedding embedding = new(table, new EmbeddingOptions { Sparse = true }, leaveOpen: true);
        float[] outputGradient = new float[Dim];
        for (int step = 0; step < 1500; step++)
        {
            // The gradient of the absolute error.
            table.CopyRowTo(0, row);
            for (int j = 0; j < Dim; j++) outputGradient[j] = Math.Sign(row[j] - 7.5f);
            optimizer.Step<int>(embedding, [0], outputGradient);
        }

        table.CopyRowTo(0, row);
        return row.Average();
    }

    private static EmbeddingTable Half(RowCodec codec, int rows, ulong seed)
    {
        using EmbeddingTable floats = EmbeddingTable.Create(rows, Dim, Initializer.Normal(seed));
        return floats.ConvertTo(codec);
    }

    private static void Steps(Optimizer optimizer, EmbeddingTable table, int count, int from = 0)
    {
        using Embedding embedding = new(table, new EmbeddingOptions { Sparse = true }, leaveOpen: true);
        for (int step = from; step < from + count; step++)
        {
            Random random = new(step);
            int[] indices = [.. Enumerable.Range(0, 20).Select(_ => random.Next((int)table.RowCount))];
            float[] outputGradient = [.. Enumerable.Range(0, 20 * Dim).Select(_ => random.NextSingle() - 0.5f)];
            optimizer.Step<int>(embedding, indices, outputGradient);
        }
    }
}
