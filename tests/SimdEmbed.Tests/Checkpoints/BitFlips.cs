using SimdEmbed.Checkpoints;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>One bit of a checkpoint's file changed, in memory.</summary>
internal sealed class BitFlips
{
    private readonly Dictionary<string, byte[]> _files;
    private readonly string _path;

    public BitFlips(SavedCheckpoint checkpoint)
    {
        _path = checkpoint.Path;
        Bytes = File.ReadAllBytes(_path);
        _files = new() { [Path.GetFileName(_path)] = Bytes };
        HeaderBytes = 8 + BitConverter.ToInt32(Bytes);
    }

    public byte[] Bytes { get; }

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
        if (!CheckpointFile.TryOpen(new CrashedDisk(_files), _path, 1, out CheckpointFile? file, out _)) return false;
        using (file) return file.TryVerify(null, CancellationToken.None, out _);
    }
}
