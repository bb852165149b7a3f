using System.Diagnostics.CodeAnalysis;
using SimdEmbed.Formats;

namespace SimdEmbed.Checkpoints;

/// <summary>Loads the newest generation that verifies: nothing of the state is changed before all of its file was read once.</summary>
internal sealed class CheckpointLoader(ICheckpointDisk disk, string directory, TrainingState state, CheckpointLoadOptions options)
{
    /// <summary>So many that tensors of one size keep any number of threads about equally busy.</summary>
    private const int PartsOfLarge = 4;

    private readonly List<SkippedGeneration> _skipped = [];
    private bool _isPartlyLoaded;

    public LoadedCheckpoint Load(IProgress<CheckpointProgress>? progress, CancellationToken cancellationToken)
    {
        CheckpointDirectory generations = new(disk, directory);
        using CheckpointChains chains = new(disk, generations);
        long tried = -1;
        while (true)
        {
            List<long> found = generations.Generations();

            // While the loader looked, a saver may have written a newer generation and removed those that were there.
            if (found.Count == 0 || found[0] <= tried) throw new CheckpointReadException(directory, _skipped, _isPartlyLoaded);
            foreach (long generation in found)
            {
                if (generation <= tried) break;
                string path = generations.PathOf(generation);
                if (chains.TryOpen(generation, out CheckpointChain? chain, out string? problem) && TryLoad(chains, chain, path, progress, cancellationToken, out problem))
                {
                    return new LoadedCheckpoint { Generation = generation, Path = path, Skipped = _skipped, Chain = chain.Generations };
                }

                _skipped.Add(new SkippedGeneration { Generation = generation, Path = path, Reason = problem });
            }

            tried = found[0];
        }
    }

    private bool TryLoad(
        CheckpointChains chains,
        CheckpointChain chain,
        string path,
        IProgress<CheckpointProgress>? progress,
        CancellationToken cancellationToken,
        [NotNullWhen(false)] out string? problem)
    {
        // Another model's checkpoint is no damaged one: an older generation is not what was asked for.
        CheckpointFile file = chain.Newest;
        Dictionary<string, OptimizerDescription> optimizers = MatchOptimizers(file, path);
        List<(CheckpointTensor Target, TensorInfo Source)> pairs = MatchTensors(chain, path);
        LoadProgress done = new(progress, 2 * chain.TensorBytes);
        if (!chains.TryVerify(chain, done.Add, cancellationToken, out problem)) return false;
        try
        {
            FormatError error = default;
            byte[] randomState = file.ReadRandomState();
            if (options.TrackRows)
            {
                foreach ((CheckpointTensor target, _) in pairs) target.Table?.Table.TrackWritten();
            }

            List<LoadedPart> parts = [];
            foreach ((CheckpointTensor target, TensorInfo source) in pairs)
            {
                int count = target.CanSplit && source.ByteLength >= TensorThreads.LeastBytes ? PartsOfLarge : 1;
                for (int i = 0; i < count; i++) parts.Add(new LoadedPart(target, chain.Source(source, done.Add), i, count));
                if (!target.TryPrepare(parts[^count].Source, ref error)) return Fail(error.ToException(path), out problem);
                parts[^count].Source.Release();
            }

            // From here on something changes; what was verified a moment ago can only fail with the disk.
            _isPartlyLoaded = pairs.Count > 0;
            FormatError[] errors = new FormatError[parts.Count];
            bool isShared = SharesTables(pairs);
            TensorThreads.Run(
                parts.Count,
                isShared ? 0 : chain.TensorBytes,
                i => parts[i].Read(options.NewRows, ref errors[i]),
                CancellationToken.None);
            int failed = Array.FindIndex(errors, static found => found.Message != null);
            if (failed >= 0) return Fail(errors[failed].ToException(path), out problem);

            TakeOver(file, optimizers, randomState);
            foreach ((CheckpointTensor target, _) in pairs) target.SetSince(file.HeaderHash);
            done.Finish();
            return true;
        }
        catch (Exception e) when (CheckpointFile.IsDamage(e))
        {
            return Fail(e, out problem);
        }
    }

    /// <summary>Whether a table has two names: then its tensors are read in order, because the last one counts.</summary>
    private static bool SharesTables(List<(CheckpointTensor Target, TensorInfo Source)> pairs)
    {
        HashSet<EmbeddingTable> tables = [];
        foreach ((CheckpointTensor target, _) in pairs)
        {
            if (target is TableTensor { Table: { } named } && !tables.Add(named.Table)) return true;
        }

        return false;
    }

    private static bool Fail(Exception e, out string? problem)
    {
        problem = e.Message;
        return false;
    }

    private Dictionary<string, OptimizerDescription> MatchOptimizers(CheckpointFile file, string path)
    {
        Dictionary<string, OptimizerDescription> saved = [];
        foreach ((string key, string text) in file.Metadata)
        {
            if (!key.StartsWith(CheckpointWriter.OptimizerPrefix, StringComparison.Ordinal)) continue;
            string name = key[CheckpointWriter.OptimizerPrefix.Length..];
            if (!OptimizerDescription.TryParse(text, out OptimizerDescription? description))
            {
                throw new TableMismatchException(path, $"what the checkpoint says of optimizer {FormatError.Quote(name)} cannot be understood");
            }

            saved.Add(name, description);
        }

        foreach ((string name, Optimizer optimizer) in state.Optimizers)
        {
            OptimizerDescription own = OptimizerDescription.Of(optimizer, state);
            string? mismatch = saved.TryGetValue(name, out OptimizerDescription? description)
                ? own.MismatchWith(description, name, options.KeepOptimizerOptions)
                : $"the program has optimizer '{name}' ({own.Kind}); the checkpoint has {Names(saved.Keys, "optimizer")}";
            if (mismatch != null) throw new TableMismatchException(path, mismatch);
        }

        return saved;
    }

    private List<(CheckpointTensor Target, TensorInfo Source)> MatchTensors(CheckpointChain chain, string path)
    {
        List<(CheckpointTensor, TensorInfo)> pairs = [];
        HashSet<string> unused = new(StringComparer.Ordinal);
        foreach (TensorInfo tensor in chain.Tensors) unused.Add(tensor.Name);
        foreach (CheckpointTensor target in state.Tensors())
        {
            if (!chain.TryGetTensor(target.Name, out TensorInfo? source))
            {
                throw new TableMismatchException(path, $"the program has tensor '{target.Name}' of {Text(target.Shape)}; the checkpoint has {Names(unused, "tensor")}");
            }

            if (source.Dtype != target.Dtype)
            {
                throw new TableMismatchException(path, $"tensor '{target.Name}' is {source.Dtype} in the checkpoint and {target.Dtype} in the program");
            }

            if (!Fits(source.Shape, target))
            {
                throw new TableMismatchException(
                    path, $"tensor '{target.Name}' has shape {Text(source.Shape)} in the checkpoint and {Text(target.Shape)} in the program{Advice(source.Shape, target)}");
            }

            unused.Remove(target.Name);
            pairs.Add((target, source));
        }

        if (unused.Count > 0 && !options.AllowUnused)
        {
            throw new TableMismatchException(path, $"the checkpoint has {Names(unused, "tensor")}, which the program has not; CheckpointLoadOptions.AllowUnused leaves that out");
        }

        return pairs;
    }

    private bool Fits(ReadOnlySpan<long> saved, CheckpointTensor target)
    {
        if (saved.SequenceEqual(target.Shape)) return true;
        bool isResized = target.CanResize && saved.Length == 2 && saved[1] == target.Shape[1];
        return isResized && options.Rows switch
        {
            RowCountPolicy.Grow => saved[0] < target.Shape[0],
            RowCountPolicy.Any => true,
            _ => false,
        };
    }

    private static string Advice(ReadOnlySpan<long> saved, CheckpointTensor target) =>
        target.CanResize && saved.Length == 2 && saved[1] == target.Shape[1]
            ? $"; CheckpointLoadOptions.Rows = {(saved[0] < target.Shape[0] ? RowCountPolicy.Grow : RowCountPolicy.Any)} loads the rows that both have"
            : "";

    private void TakeOver(CheckpointFile file, Dictionary<string, OptimizerDescription> optimizers, byte[] randomState)
    {
        state.Step = file.Step;
        state.RandomState = randomState;
        state.Metadata.Clear();
        foreach ((string key, string value) in file.Metadata)
        {
            if (key.StartsWith(CheckpointWriter.UserPrefix, StringComparison.Ordinal)) state.Metadata.Add(key[CheckpointWriter.UserPrefix.Length..], value);
        }

        if (options.KeepOptimizerOptions) return;
        foreach ((string name, Optimizer optimizer) in state.Optimizers)
        {
            for (int i = 0; i < optimizer.Groups.Count; i++) optimizer.Groups[i].LearningRate = optimizers[name].LearningRateOf(i);
        }
    }

    private static string Names(IReadOnlyCollection<string> names, string what)
    {
        const int Most = 4;
        if (names.Count == 0) return $"no {what}";
        List<string> quoted = [];
        foreach (string name in names)
        {
            if (quoted.Count < Most) quoted.Add(FormatError.Quote(name));
        }

        string rest = names.Count > Most ? $" and {names.Count - Most} more" : "";
        return $"{what} {string.Join(", ", quoted)}{rest}";
    }

    private static string Text(ReadOnlySpan<long> shape) => $"[{string.Join(", ", shape.ToArray())}]";

    /// <summary>What one thread takes over.</summary>
    private readonly record struct LoadedPart(CheckpointTensor Target, RowSource Source, int Part, int Parts)
    {
        public void Read(Initializer? newRows, ref FormatError error)
        {
            _ = Target.TryRead(Source, Part, Parts, newRows, ref error);
            Source.Release();
        }
    }

    /// <summary>Reports one at a time, whichever thread has read something.</summary>
    private sealed class LoadProgress(IProgress<CheckpointProgress>? progress, long total)
    {
        private readonly Lock _lock = new();
        private long _done;

        public void Add(long bytes)
        {
            if (progress == null) return;
            lock (_lock)
            {
                _done = long.Min(_done + bytes, total);
                progress.Report(new CheckpointProgress { Bytes = _done, TotalBytes = total });
            }
        }

        public void Finish()
        {
            if (_done < total) Add(total);
        }
    }
}
