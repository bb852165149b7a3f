using SimdEmbed.Checkpoints;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>One bit of a checkpoint's file changed, in memory; the chain that the newest generation is made of has to notice.</summary>
internal sealed class BitFlips
{
    private const string Directory = "/checkpoints";

    private readonly Dictionary<string, byte[]> _files = [];
    private readonly long _newest;

    /// <summary>Flips bits of <paramref name="flipped"/>, a generation of the directory.</summary>
    public BitFlips(string directory, long flipped)
    {
        foreach (CheckpointGeneration generation in Checkpoint.List(directory))
        {
            byte[] bytes = File.ReadAllBytes(generation.Path);
            _files.Add(Path.GetFileName(generation.Path), bytes);
            _newest = long.Max(_newest, generation.Generation);
            if (generation.Generation == flipped) Bytes = bytes;
        }

        HeaderBytes = 8 + BitConverter.ToInt32(Bytes);
    }

    public byte[] Bytes { get; } = [];

    public int HeaderBytes { get; }

    public bool IsDetected(long bit)
    {
        Bytes[bit / 8] ^= (byte)(1 << (int)(bit % 8));
        bool isWhole = IsWhole();
        Bytes[bit / 8] ^= (byte)(1 << (int)(bit % 8));
        return !isWhole;
    }

    public bool IsWhole()
    {
        CrashedDisk disk = new(_files);
        using CheckpointChains chains = new(disk, new CheckpointDirectory(disk, Directory));
        return chains.TryOpen(_newest, out CheckpointChain? chain, out _) && chains.TryVerify(chain, null, CancellationToken.None, out _);
    }
}
