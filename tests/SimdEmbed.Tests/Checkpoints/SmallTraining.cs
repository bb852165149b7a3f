using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>
/// A training run of a few kilobytes with all that a checkpoint can hold: two tables, three optimizers, one of which lists moving rows,
/// an array, random numbers and text. Each step is what the state says, so that two runs are the same bits if their states are.
/// </summary>
internal sealed class SmallTraining : IDisposable
{
    private const int Batch = 24;

    private readonly Embedding _items;
    private readonly Embedding _users;
    private readonly Adam _adam;
    private readonly Sgd _sgd;
    private readonly DenseParameter _parameter;
    private readonly float[] _bias = new float[7];
    private readonly int[] _indices = new int[Batch];
    private readonly float[] _gradient;
    private readonly byte[] _random = [1, 2, 3, 4, 5, 6, 7, 8];

    public SmallTraining(int rows = 40, int dim = 5, int users = 17, AdamOptions? adam = null)
    {
        EmbeddingOptions sparse = new() { Sparse = true };
        _items = new Embedding(rows, dim, seed: 1, sparse);
        _users = new Embedding(users, dim, seed: 2, sparse);
        _adam = new Adam(adam ?? new AdamOptions { LearningRate = 0.01f, Amsgrad = true });
        _adam.Add(_items.Weight);
        _parameter = _adam.AddParameter(1, _bias.Length);
        _sgd = new Sgd(_users.Weight, new SgdOptions { LearningRate = 0.02f, Momentum = 0.9f });
        _gradient = new float[Batch * dim];
        State = new TrainingState { RandomState = _random };
        State.Add("items", _items);
        State.Add("users", _users);
        State.Add("bias", _bias);
        State.Add("adam", _adam);
        State.Add("sgd", _sgd);
        State.Metadata["run"] = "a \"small\" one";
    }

    /// <summary>The same with checkpoints that take a while to write.</summary>
    public static SmallTraining OfOneMegabyte() => new(1500, 32, users: 300);

    public TrainingState State { get; }

    public Embedding Items => _items;

    public Embedding Users => _users;

    public Adam Adam => _adam;

    public Sgd Sgd => _sgd;

    public void Step()
    {
        ulong random = BitConverter.ToUInt64(State.RandomState.Span);
        Fill(ref random, _items.NumEmbeddings);
        _adam.Step<int>(_items, _indices, _gradient);
        Fill(ref random, _users.NumEmbeddings);
        _sgd.Step<int>(_users, _indices, _gradient);
        _adam.Step(_parameter, _bias, _gradient.AsSpan(0, _bias.Length));
        _adam.LearningRate *= 0.99f;
        State.Step++;
        State.RandomState = BitConverter.GetBytes(random);
    }

    /// <summary>All bits that a checkpoint has to bring back.</summary>
    public ulong Hash()
    {
        XxHash3 hash = new();
        Append(hash, _items.Weight);
        Append(hash, _users.Weight);
        hash.Append(MemoryMarshal.AsBytes(_bias.AsSpan()));
        Append(hash, _adam.State);
        Append(hash, _sgd.State);
        hash.Append(BitConverter.GetBytes(_adam.LearningRate));
        hash.Append(BitConverter.GetBytes(State.Step));
        hash.Append(State.RandomState.Span);
        hash.Append(MemoryMarshal.AsBytes(State.Metadata["run"].AsSpan()));
        return hash.GetCurrentHashAsUInt64();
    }

    public void Dispose()
    {
        _adam.Dispose();
        _sgd.Dispose();
        _items.Dispose();
        _users.Dispose();
    }

    private void Fill(ref ulong random, long rows)
    {
        for (int i = 0; i < Batch; i++) _indices[i] = (int)(Next(ref random) % (ulong)rows);
        for (int i = 0; i < _gradient.Length; i++) _gradient[i] = ((int)(Next(ref random) % 2001) - 1000) / 1000f;
    }

    private static ulong Next(ref ulong random)
    {
        random = (random * 6364136223846793005) + 1442695040888963407;
        return random >> 33;
    }

    private static void Append(XxHash3 hash, OptimizerState state)
    {
        foreach ((_, EmbeddingTable table) in state.Save().OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            Append(hash, table);
            table.Dispose();
        }
    }

    private static void Append(XxHash3 hash, EmbeddingTable table)
    {
        for (long row = 0; row < table.RowCount; row++) hash.Append(MemoryMarshal.AsBytes(table.GetRow(row)));
    }
}
