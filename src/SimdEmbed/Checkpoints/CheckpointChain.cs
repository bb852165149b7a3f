using System.Diagnostics.CodeAnalysis;
using SimdEmbed.Formats;

namespace SimdEmbed.Checkpoints;

/// <summary>
/// A generation with all that it builds on, open: a full checkpoint, and the deltas up to it in order. Each delta names the generation before by
/// number and by the sum of its header, in which the sums of all its tensors stand: nothing but what was there when it was written fits.
/// </summary>
internal sealed class CheckpointChain(IReadOnlyList<CheckpointFile> files)
{
    public IReadOnlyList<CheckpointFile> Files => files;

    public CheckpointFile Newest => files[^1];

    /// <summary>The full checkpoint's number and those of the deltas, in order.</summary>
    public IReadOnlyList<long> Generations
    {
        get
        {
            long[] generations = new long[files.Count];
            for (int i = 0; i < generations.Length; i++) generations[i] = files[i].Generation;
            return generations;
        }
    }

    public long TensorBytes
    {
        get
        {
            long bytes = 0;
            foreach (CheckpointFile file in files) bytes += file.TensorBytes;
            return bytes;
        }
    }

    /// <summary>The tensors of the state, with the shapes that all rows have.</summary>
    public IEnumerable<TensorInfo> Tensors
    {
        get
        {
            foreach (TensorInfo tensor in files[0].Tensors)
            {
                if (tensor.Name != CheckpointWriter.RandomStateName) yield return tensor;
            }
        }
    }

    public bool TryGetTensor(string name, [NotNullWhen(true)] out TensorInfo? tensor)
    {
        tensor = null;
        return name != CheckpointWriter.RandomStateName && files[0].TryGetTensor(name, out tensor);
    }

    /// <summary>A tensor's rows as the newest link has them.</summary>
    public RowSource Source(TensorInfo tensor, Action<long> report)
    {
        TensorView whole = tensor.View;
        long rows = tensor.Shape.Length == 2 ? tensor.Shape[0] : 1;
        List<RowOverlay> overlays = [];
        for (int i = 1; i < files.Count; i++)
        {
            _ = files[i].TryGetTensor(tensor.Name, out TensorInfo? own);
            if (files[i].RowsOf(tensor.Name) is { } numbers)
            {
                overlays.Add(new RowOverlay(new RowNumbers(numbers.View), own!.View, rows));
                continue;
            }

            whole = own!.View;
            overlays.Clear();
        }

        return new RowSource(whole, rows, overlays, report);
    }

    /// <summary>Whether a training state has the tensors of this chain and no others, so that a delta can build on it.</summary>
    public bool Holds(IReadOnlyCollection<CheckpointTensor> tensors)
    {
        int count = 0;
        foreach (TensorInfo _ in Tensors) count++;
        if (count != tensors.Count) return false;
        foreach (CheckpointTensor tensor in tensors)
        {
            if (!TryGetTensor(tensor.Name, out TensorInfo? own) || own.Dtype != tensor.Dtype || !own.Shape.SequenceEqual(tensor.Shape)) return false;
        }

        return true;
    }

    /// <summary>What keeps a delta from being laid over the full checkpoint, or null.</summary>
    public static string? ProblemOf(CheckpointFile full, CheckpointFile delta)
    {
        foreach (TensorInfo tensor in full.Tensors)
        {
            if (tensor.Name == CheckpointWriter.RandomStateName) continue;
            if (!delta.TryGetTensor(tensor.Name, out TensorInfo? own) || own.Dtype != tensor.Dtype) return Misfit(tensor.Name);
            bool isWhole = !delta.Metadata.ContainsKey(CheckpointWriter.RowsOfPrefix + tensor.Name);
            bool isFit = isWhole
                ? own.Shape.SequenceEqual(tensor.Shape)
                : tensor.Shape.Length == 2 && delta.RowsOf(tensor.Name) is { Dtype: TensorDtype.Int64, Shape.Length: 1 } numbers
                    && own.Shape.SequenceEqual([numbers.Shape[0], tensor.Shape[1]]);
            if (!isFit) return Misfit(tensor.Name);
        }

        return null;

        static string Misfit(string name) => $"its tensor {FormatError.Quote(name)} does not fit the full checkpoint that it builds on.";
    }
}

/// <summary>The generations of a directory as chains: each file is opened once, and read through once to be verified.</summary>
internal sealed class CheckpointChains(ICheckpointDisk disk, CheckpointDirectory directory) : IDisposable
{
    private readonly Dictionary<long, (CheckpointFile? File, string? Problem)> _opened = [];
    private readonly Dictionary<long, string?> _verified = [];

    public bool TryOpenFile(long generation, [NotNullWhen(true)] out CheckpointFile? file, [NotNullWhen(false)] out string? problem)
    {
        if (!_opened.TryGetValue(generation, out (CheckpointFile? File, string? Problem) known))
        {
            _ = CheckpointFile.TryOpen(disk, directory.PathOf(generation), generation, out known.File, out known.Problem);
            _opened.Add(generation, known);
        }

        (file, problem) = known;
        return file != null;
    }

    /// <summary>Opens a generation and what it builds on; the structure of all is looked at, and no data.</summary>
    public bool TryOpen(long generation, [NotNullWhen(true)] out CheckpointChain? chain, [NotNullWhen(false)] out string? problem)
    {
        chain = null;
        if (!TryOpenFile(generation, out CheckpointFile? file, out problem)) return false;
        List<CheckpointFile> files = [file];
        while (file.Parent is { } parent)
        {
            if (files.Count > CheckpointSaveOptions.MostDeltas) return Fail($"it builds on more than {CheckpointSaveOptions.MostDeltas} others.", out problem);
            CheckpointFile child = file;
            if (!TryOpenFile(parent, out file, out string? reason)) return Fail($"generation {parent}, which it builds on, cannot be opened: {reason}", out problem);
            if (file.HeaderHash != child.ParentHash)
            {
                return Fail($"generation {parent} is not the one that generation {child.Generation} builds on: its header's sum is {file.HeaderHash} and not {child.ParentHash}.", out problem);
            }

            files.Add(file);
        }

        files.Reverse();
        for (int i = 1; i < files.Count; i++)
        {
            if (CheckpointChain.ProblemOf(files[0], files[i]) is { } misfit) return Fail(Said(generation, files[i], misfit), out problem);
        }

        chain = new CheckpointChain(files);
        return true;
    }

    /// <summary>Compares every tensor of every link with its sum; what was read before is not read again.</summary>
    public bool TryVerify(CheckpointChain chain, Action<long>? report, CancellationToken cancellationToken, [NotNullWhen(false)] out string? problem)
    {
        foreach (CheckpointFile file in chain.Files)
        {
            if (!_verified.TryGetValue(file.Generation, out string? known))
            {
                _ = file.TryVerify(report, cancellationToken, out known);
                if (known == null && file.Parent != null) known = ProblemOfRows(chain, file);
                _verified.Add(file.Generation, known);
            }
            else
            {
                report?.Invoke(file.TensorBytes);
            }

            if (known != null) return Fail(Said(chain.Newest.Generation, file, known), out problem);
        }

        problem = null;
        return true;
    }

    public void Dispose()
    {
        foreach ((CheckpointFile? file, _) in _opened.Values) file?.Dispose();
    }

    /// <summary>Row numbers decide where is written: they are looked at before anything is.</summary>
    private static string? ProblemOfRows(CheckpointChain chain, CheckpointFile delta)
    {
        HashSet<(string, long)> seen = [];
        try
        {
            foreach (TensorInfo tensor in chain.Tensors)
            {
                if (delta.RowsOf(tensor.Name) is not { } numbers || !seen.Add((numbers.Name, tensor.Shape[0]))) continue;
                RowNumbers rows = new(numbers.View);
                FormatError error = default;
                for (long i = 0; i < rows.Count; i++)
                {
                    if (!rows.TryGet(i, tensor.Shape[0], out _, ref error)) return error.Message;
                }
            }
        }
        catch (Exception e) when (CheckpointFile.IsDamage(e))
        {
            return e.Message;
        }

        return null;
    }

    private static string Said(long generation, CheckpointFile file, string problem) =>
        file.Generation == generation ? problem : $"generation {file.Generation}, which it builds on, is damaged: {problem}";

    private static bool Fail(string message, out string problem)
    {
        problem = message;
        return false;
    }
}
