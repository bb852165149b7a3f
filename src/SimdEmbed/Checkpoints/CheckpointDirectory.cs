using System.Globalization;

namespace SimdEmbed.Checkpoints;

/// <summary>
/// The generations in a directory. A generation is a file that is whole: it is written under another name, flushed, renamed, and the
/// directory flushed; only then is it acknowledged, and only then are older ones removed.
/// </summary>
internal sealed class CheckpointDirectory(ICheckpointDisk disk, string directory)
{
    private const string Prefix = "checkpoint-";
    private const string Extension = ".safetensors";
    private const string TemporaryExtension = ".tmp";
    private const string LockName = "checkpoint.lock";

    /// <summary>Numbers of 18 digits stay far from where another one would not fit.</summary>
    private const int MostDigits = 18;

    public string PathOf(long generation) => Path.Combine(directory, NameOf(generation));

    /// <summary>The numbers of all generations, the newest first, whatever their state.</summary>
    public List<long> Generations()
    {
        List<long> generations = [];
        foreach (string name in disk.List(directory))
        {
            if (TryParse(name, out long generation)) generations.Add(generation);
        }

        generations.Sort(static (left, right) => right.CompareTo(left));
        return generations;
    }

    public SavedCheckpoint Save(TrainingState state, int keep, IProgress<CheckpointProgress>? progress, CancellationToken cancellationToken)
    {
        long? newest = null;
        try
        {
            disk.CreateDirectory(directory);
            List<long> generations = Generations();
            newest = generations.Count == 0 ? null : generations[0];
            using IDisposable? saver = disk.TryLock(Path.Combine(directory, LockName));
            if (saver == null) throw new CheckpointWriteException(directory, "another saver is at work in this directory", newest);

            // Once more: the saver before may have finished in between.
            generations = Generations();
            newest = generations.Count == 0 ? null : generations[0];
            RemoveTemporaries();
            SavedCheckpoint saved = Write(state, (newest ?? 0) + 1, progress, cancellationToken);
            Prune(generations, keep);
            return saved;
        }
        catch (Exception e) when (e is IOException and not CheckpointWriteException or UnauthorizedAccessException)
        {
            throw new CheckpointWriteException(directory, e.Message, newest, e);
        }
    }

    private SavedCheckpoint Write(TrainingState state, long generation, IProgress<CheckpointProgress>? progress, CancellationToken cancellationToken)
    {
        CheckpointWriter writer = new(state, generation);
        string temporary = Path.Combine(directory, "." + NameOf(generation) + TemporaryExtension);
        string path = PathOf(generation);
        string written = temporary;
        bool isDone = false;
        try
        {
            long length;
            using (ICheckpointOutput output = disk.Create(temporary, writer.ReservedBytes))
            {
                length = writer.Write(output, progress, cancellationToken);
                output.SetLength(length);
                output.Sync();
            }

            cancellationToken.ThrowIfCancellationRequested();
            disk.Rename(temporary, path);
            written = path;
            disk.SyncDirectory(directory);
            isDone = true;
            return new SavedCheckpoint(generation, path, length);
        }
        finally
        {
            if (!isDone) TryDelete(written);
        }
    }

    /// <summary>What a saver that was killed has left; the lock says that it is no longer at work.</summary>
    private void RemoveTemporaries()
    {
        foreach (string name in disk.List(directory))
        {
            bool isOurs = name.StartsWith("." + Prefix, StringComparison.Ordinal) && name.EndsWith(TemporaryExtension, StringComparison.Ordinal)
                && TryParse(name[1..^TemporaryExtension.Length], out _);
            if (isOurs) disk.Delete(Path.Combine(directory, name));
        }
    }

    /// <summary>Removes the generations beyond those to keep. Damaged ones do not count as kept: what they stand for is not there.</summary>
    private void Prune(List<long> older, int keep)
    {
        int kept = 1;
        foreach (long generation in older)
        {
            if (kept >= keep)
            {
                TryDelete(PathOf(generation));
            }
            else if (CheckpointFile.TryOpen(disk, PathOf(generation), generation, out CheckpointFile? file, out _))
            {
                file.Dispose();
                kept++;
            }
        }
    }

    /// <summary>For files that are in nobody's way: the next save tries again.</summary>
    private void TryDelete(string path)
    {
        try
        {
            disk.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whatever keeps it from being removed has not kept the call from what it is for.
        }
    }

    private static string NameOf(long generation) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{generation:D8}{Extension}");

    private static bool TryParse(string name, out long generation)
    {
        generation = 0;
        return name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Extension, StringComparison.Ordinal)
            && name.Length - Prefix.Length - Extension.Length is > 0 and <= MostDigits
            && long.TryParse(name.AsSpan()[Prefix.Length..^Extension.Length], NumberStyles.None, CultureInfo.InvariantCulture, out generation)
            && NameOf(generation) == name;
    }
}
