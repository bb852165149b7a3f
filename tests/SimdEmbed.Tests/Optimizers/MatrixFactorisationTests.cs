using System.Numerics;
using Xunit;

namespace SimdEmbed.Tests.Optimizers;

/// <summary>
/// Preferences of 32 users for 32 items with known singular values: the least squared error that 4 columns can reach is the sum of
/// the squares of the other 28, by the theorem of Eckart and Young.
/// </summary>
public sealed class MatrixFactorisationTests
{
    private const int Size = 32;
    private const int Dim = 4;
    private const int Steps = 3000;

    private static readonly float[] s_singular = [.. Enumerable.Range(0, Size).Select(i => i < Dim ? 16f - (2 * i) : 1f)];

    public static TheoryData<string> Names() => ["Sgd", "momentum", "Adagrad", "RowWiseAdagrad", "Adam", "AdamW", "SparseAdam", "RmsProp", "Ftrl"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_optimizer_comes_within_two_percent_of_the_best_loss(string name)
    {
        float best = s_singular[Dim..].Sum(s => s * s) / (Size * Size);
        using Embedding users = new(Size, Dim, seed: 1, new EmbeddingOptions { Sparse = true });
        using Embedding items = new(Size, Dim, seed: 2, new EmbeddingOptions { Sparse = true });
        using EmbeddingGradient userGradient = users.CreateGradient(), itemGradient = items.CreateGradient();
        using Optimizer optimizer = Create(name);
        optimizer.Add(users.Weight);
        optimizer.Add(items.Weight);
        int[] user = [.. Enumerable.Range(0, Size * Size).Select(pair => pair / Size)];
        int[] item = [.. Enumerable.Range(0, Size * Size).Select(pair => pair % Size)];
        float[] target = [.. user.Zip(item, Preference)];
        float[] prediction = new float[target.Length], slope = new float[target.Length];
        EmbeddingGradient[] gradients = [userGradient, itemGradient];
        float rate = optimizer.LearningRate;
        float loss = 0;
        for (int step = 0; step < Steps; step++)
        {
            // Falling to a hundredth: a constant rate would keep the adaptive ones jumping about the best point. Ftrl's falls by itself.
            if (name != "Ftrl") optimizer.LearningRate = rate * (1 - (0.99f * step / Steps));
            EmbeddingDot.Forward<int>(users, user, items, item, prediction);
            loss = Loss.MeanSquaredError(prediction, target, slope);
            EmbeddingDot.Backward<int>(users, user, items, item, slope, userGradient, itemGradient);
            optimizer.Step(gradients);
        }

        Assert.InRange(loss, best * 0.999f, best * 1.02f);
    }

    private static Optimizer Create(string name) => name switch
    {
        "Sgd" => new Sgd(new SgdOptions { LearningRate = 8 }),
        "momentum" => new Sgd(new SgdOptions { LearningRate = 1, Momentum = 0.9f }),
        "Adagrad" => new Adagrad(new AdagradOptions { LearningRate = 0.5f }),
        "RowWiseAdagrad" => new RowWiseAdagrad(new RowWiseAdagradOptions { LearningRate = 0.5f }),
        "Adam" => new Adam(new AdamOptions { LearningRate = 0.05f }),
        "AdamW" => new AdamW(new AdamWOptions { LearningRate = 0.05f, WeightDecay = 1e-5f }),
        "SparseAdam" => new SparseAdam(new SparseAdamOptions { LearningRate = 0.05f }),
        "RmsProp" => new RmsProp(new RmsPropOptions { LearningRate = 0.02f }),

        // With a beta, weights are pulled to zero until gradients outgrow it: for a product that is a saddle.
        _ => new Ftrl(new FtrlOptions { LearningRate = 0.5f, Beta = 0 }),
    };

    /// <summary>The singular vectors are the rows of a Hadamard matrix, which are orthogonal, and the items' in another order.</summary>
    private static float Preference(int user, int item)
    {
        float sum = 0;
        for (int k = 0; k < Size; k++) sum += s_singular[k] * Hadamard(k, user) * Hadamard((k * 5) % Size, item);
        return sum / Size;
    }

    private static int Hadamard(int row, int column) => (BitOperations.PopCount((uint)(row & column)) & 1) == 0 ? 1 : -1;
}
