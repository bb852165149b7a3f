using SimdEmbed.Tests.Checkpoints;

namespace SimdEmbed.Proofs;

/// <summary>
/// Outside of the process that is killed: the same training, never interrupted, and what has to be true of a directory after whatever
/// happened to its saver.
/// </summary>
internal sealed class CrashOracle : IDisposable
{
    private readonly SmallTraining _training = SmallTraining.OfOneMegabyte();
    private readonly SmallTraining _loaded = SmallTraining.OfOneMegabyte();
    private readonly List<ulong> _hashes = [];

    public CrashOracle() => _hashes.Add(_training.Hash());

    /// <summary>The directory's newest generation, 0 for none.</summary>
    public long Newest { get; private set; }

    /// <summary>How many files the newest generation is made of: more than one for a delta.</summary>
    public int Links { get; private set; }

    /// <summary>
    /// What is wrong with a directory in which <paramref name="acknowledged"/> was acknowledged, or null: a generation is lost, one is damaged, or
    /// the newest is not, bit for bit, what training without interruption would be.
    /// </summary>
    public string? Judge(string directory, long acknowledged)
    {
        Newest = 0;
        Links = 0;
        foreach (CheckpointGeneration generation in Checkpoint.Verify(directory))
        {
            if (generation.Problem != null) return $"generation {generation.Generation} is damaged: {generation.Problem}";
        }

        if (!Checkpoint.Exists(directory)) return acknowledged == 0 ? null : $"generation {acknowledged} is lost, there is none";
        LoadedCheckpoint loaded = Checkpoint.Load(directory, _loaded.State);
        (Newest, Links) = (loaded.Generation, loaded.Chain.Count);
        if (Newest < acknowledged) return $"generation {acknowledged} is lost, the newest is {Newest}";
        if (Newest > acknowledged + 1) return $"generation {Newest} was never written";
        while (_hashes.Count <= Newest)
        {
            _training.Step();
            _hashes.Add(_training.Hash());
        }

        return _loaded.Hash() == _hashes[(int)Newest] ? null : $"generation {Newest} has other bits than training without interruption";
    }

    public void Dispose()
    {
        _training.Dispose();
        _loaded.Dispose();
    }
}
