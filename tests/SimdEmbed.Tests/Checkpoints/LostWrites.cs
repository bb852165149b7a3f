namespace SimdEmbed.Tests.Checkpoints;

/// <summary>
/// Trains and saves on a <see cref="LostWriteDisk"/>, and after every change of the disk looks at what a loss of power could leave: the newest
/// acknowledged generation, or a newer one, has to load, bit for bit.
/// </summary>
internal sealed class LostWrites(LostWriteDisk disk, int statesPerChange, int seed) : IDisposable
{
    private const string Directory = "/checkpoints";

    private readonly Random _random = new(seed);
    private readonly SmallTraining _training = new();
    private readonly SmallTraining _loaded = new();
    private readonly List<ulong> _hashes = [];
    private long _acknowledged;

    public long States { get; private set; }

    public long Lost { get; private set; }

    public long Corrupt { get; private set; }

    /// <summary>Crash states in which a newer generation, not yet acknowledged, was whole already.</summary>
    public long Ahead { get; private set; }

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
            try
            {
                _acknowledged = Checkpoint.Save(disk, Directory, _training.State, new CheckpointSaveOptions { Keep = 1 + _random.Next(3) }).Generation;
            }
            catch (CheckpointWriteException)
            {
                disk.FailAt = -1;
                _acknowledged = Checkpoint.Save(disk, Directory, _training.State).Generation;
            }

            disk.FailAt = -1;
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
                if (_loaded.Hash() != _hashes[(int)_loaded.State.Step]) Corrupt++;
            }
            catch (CheckpointReadException)
            {
                if (_acknowledged > 0) Lost++;
            }
        }
    }
}
