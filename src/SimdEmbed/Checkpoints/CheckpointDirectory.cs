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

    /// <summary>Saves a state as the next generation: what was written since the newest where that is enough, everything otherwise.</summary>
    public SavedCheckpoint Save(
        TrainingState state, CheckpointSaveOptions options, IProgress<CheckpointProgress>? progress, CancellationToken cancellationToken) =>
        Locked((chains, generations) =>
        {
            List<CheckpointTensor> tensors = state.Tensors();
            foreach (CheckpointTensor tensor in tensors)
            {
                if (options.MaxDeltas > 0) tensor.Table?.Table.TrackWritten();
            }

            CheckpointChain? parent = generations.Count == 0 ? null : ParentOf(chains, generations[0], tensors, options.MaxDeltas);
            CheckpointWriter writer = new(state, tensors, Following(generations), parent?.Newest);
            SavedCheckpoint saved = Write(writer, progress, cancellationToken);

            // Only now: a save that fails or is cancelled leaves marked what is not on the disk.
            foreach (CheckpointTensor tensor in tensors) tensor.SetSince(writer.HeaderHash);
            Prune(chains, generations, parent == null ? saved.Generation : parent.Files[0].Generation, options.Keep);
            return saved;
        });

    /// <summary>Writes what the newest generation's chain comes to as the next generation, a full one; one that is full already is left.</summary>
    public SavedCheckpoint Compact(int keep, IProgress<CheckpointProgress>? progress, CancellationToken cancellationToken) =>
        Locked((chains, generations) =>
        {
            // To fold an older one would make it the newest, for a disk that failed to read once.
            if (generations.Count == 0) throw new CheckpointReadException(directory, [], isPartlyLoaded: false);
            long newest = generations[0];
            if (!chains.TryOpen(newest, out CheckpointChain? chain, out string? problem) || !chains.TryVerify(chain, null, cancellationToken, out problem))
            {
                throw new CheckpointWriteException(directory, $"generation {newest}, the newest, does not verify: {problem}", intactGeneration: null);
            }

            if (chain.Newest.Parent == null)
            {
                Prune(chains, generations, newest, keep);
                return new SavedCheckpoint { Generation = newest, Path = PathOf(newest), Bytes = chain.Newest.Bytes, Parent = null };
            }

            CheckpointWriter writer = new(chain, PathOf(newest), Following(generations));
            SavedCheckpoint saved = Write(writer, progress, cancellationToken);
            Prune(chains, generations, saved.Generation, keep);
            return saved;
        });

    /// <summary>Runs as the only one that changes the directory; is given the generations, the newest first.</summary>
    private SavedCheckpoint Locked(Func<CheckpointChains, List<long>, SavedCheckpoint> write)
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
            using CheckpointChains chains = new(disk, this);
            return write(chains, generations);
        }
        catch (Exception e) when (CheckpointFile.IsDamage(e) && e is not CheckpointWriteException and not CheckpointReadException)
        {
            throw new CheckpointWriteException(directory, e.Message, newest, e);
        }
    }

    /// <summary>The chain that a delta can build on: the one that the rows are marked since, with the same tensors, not too long, and much larger.</summary>
    private static CheckpointChain? ParentOf(CheckpointChains chains, long newest, List<CheckpointTensor> tensors, int maxDeltas)
    {
        if (maxDeltas == 0 || !chains.TryOpen(newest, out CheckpointChain? chain, out _) || chain.Files.Count > maxDeltas) return null;
        if (!tensors.TrueForAll(tensor => tensor.IsSince(chain.Newest.HeaderHash)) || !chain.Holds(tensors)) return null;
        Int128 whole = 0, changed = 0;
        foreach (CheckpointTensor tensor in tensors)
        {
            if (tensor.Table is not { } table) continue;
            whole += (Int128)tensor.Shape[0] * tensor.Shape[1];
            changed += (Int128)table.Table.Written!.Count * tensor.Shape[1];
        }

        return 2 * changed > whole ? null : chain;
    }

    private static long Following(List<long> generations) => generations.Count == 0 ? 1 : generations[0] + 1;

    private SavedCheckpoint Write(CheckpointWriter writer, IProgress<CheckpointProgress>? progress, CancellationToken cancellationToken)
    {
        long generation = writer.Generation;
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
            return new SavedCheckpoint { Generation = generation, Path = path, Bytes = length, Parent = writer.Parent };
        }
        finally
        {
            if (!isDone) _ = TryDelete(written);
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

    /// <summary>
    /// Removes the generations beyond those to keep, where a full one with all that builds on it counts as one: what a kept delta needs is kept.
    /// Damaged ones do not count: what they stand for is not there. The newest goes first, so that no delta is without its parent.
    /// </summary>
    private void Prune(CheckpointChains chains, List<long> older, long newestRoot, int keep)
    {
        HashSet<long> roots = [newestRoot];
        foreach (long generation in older)
        {
            bool isWhole = chains.TryOpen(generation, out CheckpointChain? chain, out _);
            if (isWhole)
            {
                long root = chain!.Files[0].Generation;
                if (roots.Contains(root) || (roots.Count < keep && roots.Add(root))) continue;
            }
            else if (roots.Count < keep)
            {
                continue;
            }

            // Where a delta cannot be removed, what it builds on stays with it.
            if (!TryDelete(PathOf(generation)) && isWhole) roots.Add(chain!.Files[0].Generation);
        }
    }

    /// <summary>For files that are in nobody's way: the next save tries again.</summary>
    private bool TryDelete(string path)
    {
        try
        {
            disk.Delete(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whatever keeps it from being removed has not kept the call from what it is for.
            return false;
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
