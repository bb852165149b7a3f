namespace SimdEmbed.Formats;

/// <summary>
/// The memory that the objects of one file may take: twice its length and 64 KiB, and 2 KiB for each storage, which is what a small
/// tensor costs with its name, shape and place. Spent before, or as soon as, memory is given.
/// </summary>
/// <param name="fileLength">The length of the file.</param>
internal sealed class Allowance(long fileLength)
{
    private const long BytesPerStorage = 2 << 10;

    /// <summary>Opening a file and saying what is wrong with it take some, too.</summary>
    private const long Fixed = 48 << 10;

    private readonly long _length = 2 * Math.Min(fileLength, long.MaxValue / 4);

    /// <summary>How many storages the file has, each in a place of its own.</summary>
    public int Storages { get; set; }

    /// <summary>What was spent; taken back when a pickle is read again with more of the file.</summary>
    public long Spent { get; set; }

    public bool TrySpend(long bytes)
    {
        Spent += bytes;
        return Spent <= _length + Fixed + (BytesPerStorage * Storages);
    }
}
