namespace SimdEmbed.Tests.Checkpoints;

/// <summary>
/// Trains and saves on a <see cref="LostWriteDisk"/>, and after every change of the disk looks at what a loss of power could leave: the newest
/// acknowledged generation, or a newer one, has to load, bit for bit.
/// </summary>
internal sealed class LostWrites(LostWriteDisk disk, int statesPerChange, int seed) : IDisposable
{
    private const string Directory = "/checkpoints";

    private readonly Random _random = new(seed);
    // Large enough that the rows of a step are less than half, small enough to be looked at often.
    private readonly SmallTraining _training = new(120, 2, users: 40);
    private readonly SmallTraining _loaded = new(120, 2, users: 40);
    private readonly List<ulong> _hashes = [];
    private long _acknowledged;

    public long States { get; private set; }

    public long Lost { get; private set; }

    public long Corrupt { get; private set; }

    /// <summary>Crash states in which a newer generation, not yet acknowledged, was whole already.</summary>
    public long Ahead { get; private set; }

    /// <summary>Crash states that were loaded through deltas.</summary>
    public long Chained { get; private set; }

    /// <summary>Chains that were folded.</summary>
    public long Compacted { get; private set; }

    public void Run(long states)
    {
        _hashes.Add(_training.Hash());
        disk.Changed = Look;
        for (int save = 1; States < states; save++)
        {
            _training.Step();
            _hashes.Add(_training.Hash());

            // Now and then the disk fails as well, and the saver cleans up behind itself.
            if (save % 4 == 0) disk.FailAt = _random.Next(12);
            CheckpointSaveOptions options = new() { Keep = 1 + _random.Next(3), MaxDeltas = _random.Next(5) };
            try
            {
                _acknowledged = Checkpoint.Save(disk, Directory, _training.State, options).Generation;
                if (save % 5 != 0) continue;
                long before = _acknowledged;
                _acknowledged = Checkpoint.Compact(disk, Directory, options).Generation;
                if (_acknowledged > before) Compacted++;
            }
            catch (CheckpointWriteException)
            {
                disk.FailAt = -1;
                _acknowledged = Checkpoint.Save(disk, Directory, _training.State, options).Generation;
            }
            finally
            {
                disk.FailAt = -1;
            }
        }
    }

    public void Dispose()
    {
        _training.Dispose();
        _loaded.Dispose();
    }

    private void Look()
    {
        for (int i = 0; i < statesPerChange; i++)
        {
            States++;
            try
            {
                LoadedCheckpoint loaded = Checkpoint.Load(disk.Crash(_random), Directory, _loaded.State);
                if (loaded.Generation < _acknowledged) Lost++;
                if (loaded.Generation > _acknowledged) Ahead++;
                if (loaded.Chain.Count > 1) Chained++;
                if (_loaded.Hash() != _hashes[(int)_loaded.State.Step]) Corrupt++;
            }
            catch (CheckpointReadException)
            {
                if (_acknowledged > 0) Lost++;
            }
        }
    }
}
