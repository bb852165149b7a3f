using SimdEmbed.Checkpoints;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>
/// Checkpoints of a training run that survive anything: a process may be killed at any instant, on a full or failing disk, and the newest
/// complete checkpoint opens, bit for bit, and goes on to the same bits.
/// </summary>
/// <remarks>
/// A directory holds generations: safetensors files <c>checkpoint-00000042.safetensors</c>, which other tools open too, with a sum of every
/// tensor and of the header in the metadata. A generation is written beside, flushed to the disk and renamed, and the directory is
/// flushed: when a save returns, it outlasts a loss of power. One saver at a time works in a directory; any number may load meanwhile.
/// A generation is full, or a delta: the rows written since the generation before, which it names by number and by the sum of its header.
/// </remarks>
public static class Checkpoint
{
    /// <summary>Saves an embedding and its optimizer as the next generation, as <see cref="TrainingState(Embedding, Optimizer)"/> names them.</summary>
    /// <param name="directory">Where to; it is made where it is missing.</param>
    /// <param name="model">The embedding.</param>
    /// <param name="optimizer">What trains it.</param>
    /// <param name="options">How many generations are kept; null for two.</param>
    /// <returns>The generation.</returns>
    /// <exception cref="CheckpointWriteException">The checkpoint could not be written; the previous generation is intact.</exception>
    public static SavedCheckpoint Save(string directory, Embedding model, Optimizer optimizer, CheckpointSaveOptions? options = null) =>
        Save(directory, new TrainingState(model, optimizer), options);

    /// <summary>Saves an embedding bag and its optimizer as the next generation, as <see cref="TrainingState(EmbeddingBag, Optimizer)"/> names them.</summary>
    /// <param name="directory">Where to; it is made where it is missing.</param>
    /// <param name="model">The embedding bag.</param>
    /// <param name="optimizer">What trains it.</param>
    /// <param name="options">How many generations are kept; null for two.</param>
    /// <returns>The generation.</returns>
    /// <exception cref="CheckpointWriteException">The checkpoint could not be written; the previous generation is intact.</exception>
    public static SavedCheckpoint Save(string directory, EmbeddingBag model, Optimizer optimizer, CheckpointSaveOptions? options = null) =>
        Save(directory, new TrainingState(model, optimizer), options);

    /// <summary>
    /// Saves a training state as the next generation, and removes older ones beyond those to keep. It streams: the memory needed does not
    /// depend on the tables' size. With <see cref="CheckpointSaveOptions.MaxDeltas"/> most generations have the rows written since the one before only.
    /// </summary>
    /// <param name="directory">Where to; it is made where it is missing.</param>
    /// <param name="state">It is only read, and nothing it names may be changed during the call.</param>
    /// <param name="options">How many generations are kept; null for two.</param>
    /// <param name="progress">Is told how far the call is, now and then.</param>
    /// <param name="cancellationToken">Ends the call between two pieces of data; the previous generation is left and nothing else.</param>
    /// <returns>The generation, which is on the disk.</returns>
    /// <exception cref="CheckpointWriteException">The checkpoint could not be written; the previous generation is intact.</exception>
    /// <exception cref="ArgumentException">The state has a metadata text that is no valid Unicode, or the same name twice.</exception>
    /// <exception cref="InvalidOperationException">Deltas are asked for, and a table is mapped from a file, and so read-only.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="CheckpointSaveOptions.Keep"/> or <see cref="CheckpointSaveOptions.MaxDeltas"/> is out of range.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory to note which rows are written.</exception>
    /// <exception cref="ObjectDisposedException">A table or optimizer was disposed.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static SavedCheckpoint Save(
        string directory,
        TrainingState state,
        CheckpointSaveOptions? options = null,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Save(CheckpointDisk.Instance, directory, state, options, progress, cancellationToken);

    /// <summary>Saves on a thread of its own; until the task ends, nothing the state names may be changed.</summary>
    /// <param name="directory">Where to; it is made where it is missing.</param>
    /// <param name="state">It is only read.</param>
    /// <param name="options">How many generations are kept; null for two.</param>
    /// <param name="progress">Is told how far the save is, now and then.</param>
    /// <param name="cancellationToken">Ends the save between two pieces of data; the previous generation is left and nothing else.</param>
    /// <returns>The generation; the task fails as <see cref="Save(string, TrainingState, CheckpointSaveOptions?, IProgress{CheckpointProgress}?, CancellationToken)"/> throws.</returns>
    public static Task<SavedCheckpoint> SaveAsync(
        string directory,
        TrainingState state,
        CheckpointSaveOptions? options = null,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        OnThread(() => Save(directory, state, options, progress, cancellationToken), cancellationToken);

    /// <summary>Loads the newest generation that verifies into an embedding and its optimizer.</summary>
    /// <param name="directory">Where the generations are.</param>
    /// <param name="model">An embedding of the shape that was saved.</param>
    /// <param name="optimizer">An optimizer of the kind that was saved, with the embedding's table.</param>
    /// <param name="options">What is accepted; null for the same model only.</param>
    /// <returns>Which generation, and which were passed over.</returns>
    /// <exception cref="CheckpointReadException">There is no generation, or none that can be loaded.</exception>
    /// <exception cref="TableMismatchException">The checkpoint is another model's.</exception>
    public static LoadedCheckpoint Load(string directory, Embedding model, Optimizer optimizer, CheckpointLoadOptions? options = null) =>
        Load(directory, new TrainingState(model, optimizer), options);

    /// <summary>Loads the newest generation that verifies into an embedding bag and its optimizer.</summary>
    /// <param name="directory">Where the generations are.</param>
    /// <param name="model">An embedding bag of the shape that was saved.</param>
    /// <param name="optimizer">An optimizer of the kind that was saved, with the embedding bag's table.</param>
    /// <param name="options">What is accepted; null for the same model only.</param>
    /// <returns>Which generation, and which were passed over.</returns>
    /// <exception cref="CheckpointReadException">There is no generation, or none that can be loaded.</exception>
    /// <exception cref="TableMismatchException">The checkpoint is another model's.</exception>
    public static LoadedCheckpoint Load(string directory, EmbeddingBag model, Optimizer optimizer, CheckpointLoadOptions? options = null) =>
        Load(directory, new TrainingState(model, optimizer), options);

    /// <summary>
    /// Loads the newest generation that verifies into what a state names: rows, optimizer state and learning rates, step, random state and
    /// metadata. Its file is read twice: first all of it is compared with its sums, and only then is anything changed. A delta is applied with
    /// all that it builds on, in order; where a link is damaged, missing or another, the generation before that link is the newest that verifies.
    /// </summary>
    /// <param name="directory">Where the generations are.</param>
    /// <param name="state">Tables, arrays and optimizers of the shapes that were saved, by the same names.</param>
    /// <param name="options">What is accepted; null for the same model only.</param>
    /// <param name="progress">Is told how far the call is, now and then.</param>
    /// <param name="cancellationToken">Ends the call as long as nothing was changed.</param>
    /// <returns>Which generation, and which were passed over.</returns>
    /// <exception cref="CheckpointReadException">
    /// There is no generation, or none that can be loaded. Nothing was changed, unless the disk failed between the first reading and the
    /// second; the message then says so.
    /// </exception>
    /// <exception cref="TableMismatchException">The checkpoint is another model's; nothing was changed.</exception>
    /// <exception cref="InvalidOperationException">A table is mapped from a file, and so read-only; nothing was changed.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="CheckpointLoadOptions.Rows"/> is not defined.</exception>
    /// <exception cref="IOException">The directory could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be read.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the optimizer's list of rows; nothing was changed.</exception>
    /// <exception cref="ObjectDisposedException">A table or optimizer was disposed.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled; nothing was changed.</exception>
    public static LoadedCheckpoint Load(
        string directory,
        TrainingState state,
        CheckpointLoadOptions? options = null,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Load(CheckpointDisk.Instance, directory, state, options, progress, cancellationToken);

    /// <summary>Loads on a thread of its own; until the task ends, nothing the state names may be used.</summary>
    /// <param name="directory">Where the generations are.</param>
    /// <param name="state">Tables, arrays and optimizers of the shapes that were saved, by the same names.</param>
    /// <param name="options">What is accepted; null for the same model only.</param>
    /// <param name="progress">Is told how far the load is, now and then.</param>
    /// <param name="cancellationToken">Ends the load as long as nothing was changed.</param>
    /// <returns>Which generation; the task fails as <see cref="Load(string, TrainingState, CheckpointLoadOptions?, IProgress{CheckpointProgress}?, CancellationToken)"/> throws.</returns>
    public static Task<LoadedCheckpoint> LoadAsync(
        string directory,
        TrainingState state,
        CheckpointLoadOptions? options = null,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        OnThread(() => Load(directory, state, options, progress, cancellationToken), cancellationToken);

    /// <summary>Whether a directory has a generation, damaged or not: if it has none, training starts anew.</summary>
    /// <param name="directory">It need not exist.</param>
    /// <returns>True if there is one.</returns>
    /// <exception cref="IOException">The directory could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be read.</exception>
    public static bool Exists(string directory) => Generations(CheckpointDisk.Instance, directory).Generations().Count > 0;

    /// <summary>Reads every generation and compares it with its sums; the first without a problem is what a load takes.</summary>
    /// <param name="directory">Where the generations are.</param>
    /// <param name="cancellationToken">Ends the call between two pieces of data.</param>
    /// <returns>All generations, the newest first; empty when there is none.</returns>
    /// <exception cref="IOException">The directory could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be read.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static IReadOnlyList<CheckpointGeneration> Verify(string directory, CancellationToken cancellationToken = default) =>
        Look(directory, isDataRead: true, cancellationToken);

    /// <summary>As <see cref="Verify"/>, but reads headers alone: what is wrong with them, and with the order of deltas, is found; damaged data is not.</summary>
    /// <param name="directory">Where the generations are.</param>
    /// <returns>All generations, the newest first; empty when there is none.</returns>
    /// <exception cref="IOException">The directory could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be read.</exception>
    public static IReadOnlyList<CheckpointGeneration> List(string directory) => Look(directory, isDataRead: false, CancellationToken.None);

    /// <summary>
    /// Folds the newest generation and all that it builds on into a full checkpoint, the next generation, and removes older ones beyond those to keep.
    /// It is as safe as a save, and streams as one. What is full already is left as it is, and older ones are removed.
    /// </summary>
    /// <remarks>No training process is needed. One that goes on saves a full checkpoint next, because its deltas built on what was newest before.</remarks>
    /// <param name="directory">Where the generations are.</param>
    /// <param name="options">How many full generations are kept, the new one included; null for two.</param>
    /// <param name="progress">Is told how far the writing is, now and then.</param>
    /// <param name="cancellationToken">Ends the call between two pieces of data; the directory is as it was.</param>
    /// <returns>The new generation, or the newest if that is full.</returns>
    /// <exception cref="CheckpointReadException">There is no generation.</exception>
    /// <exception cref="IOException">The directory could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be read.</exception>
    /// <exception cref="CheckpointWriteException">
    /// The newest generation does not verify, a saver is at work, or the checkpoint could not be written; what was there is intact.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="CheckpointSaveOptions.Keep"/> is below 1.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public static SavedCheckpoint Compact(
        string directory,
        CheckpointSaveOptions? options = null,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default) =>
        Compact(CheckpointDisk.Instance, directory, options, progress, cancellationToken);

    internal static SavedCheckpoint Compact(
        ICheckpointDisk disk,
        string directory,
        CheckpointSaveOptions? options = null,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        CheckpointDirectory generations = Generations(disk, directory);
        options ??= new CheckpointSaveOptions();
        if (options.Keep < 1) Throw.OutOfRange(nameof(options.Keep), options.Keep, "1 or more");

        // Nothing is made where there is nothing.
        if (generations.Generations().Count == 0) throw new CheckpointReadException(Path.GetFullPath(directory), [], isPartlyLoaded: false);
        return generations.Compact(options.Keep, progress, cancellationToken);
    }

    internal static SavedCheckpoint Save(
        ICheckpointDisk disk,
        string directory,
        TrainingState state,
        CheckpointSaveOptions? options = null,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        CheckpointDirectory generations = Generations(disk, directory);
        options ??= new CheckpointSaveOptions();
        if (options.Keep < 1) Throw.OutOfRange(nameof(options.Keep), options.Keep, "1 or more");
        if (options.MaxDeltas is < 0 or > CheckpointSaveOptions.MostDeltas)
        {
            Throw.OutOfRange(nameof(options.MaxDeltas), options.MaxDeltas, $"0 to {CheckpointSaveOptions.MostDeltas}");
        }

        cancellationToken.ThrowIfCancellationRequested();
        return generations.Save(state, options, progress, cancellationToken);
    }

    internal static LoadedCheckpoint Load(
        ICheckpointDisk disk,
        string directory,
        TrainingState state,
        CheckpointLoadOptions? options = null,
        IProgress<CheckpointProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(state);
        options ??= new CheckpointLoadOptions();
        if (!Enum.IsDefined(options.Rows)) Throw.OutOfRange(nameof(options.Rows), options.Rows, "a defined RowCountPolicy");
        return new CheckpointLoader(disk, Path.GetFullPath(directory), state, options).Load(progress, cancellationToken);
    }

    private static List<CheckpointGeneration> Look(string directory, bool isDataRead, CancellationToken cancellationToken)
    {
        List<CheckpointGeneration> found = [];
        CheckpointDirectory generations = Generations(CheckpointDisk.Instance, directory);
        using CheckpointChains chains = new(CheckpointDisk.Instance, generations);
        foreach (long generation in generations.Generations())
        {
            string path = generations.PathOf(generation);
            bool isOpen = chains.TryOpenFile(generation, out CheckpointFile? file, out string? problem);
            if (isOpen && chains.TryOpen(generation, out CheckpointChain? chain, out problem) && isDataRead) _ = chains.TryVerify(chain, null, cancellationToken, out problem);
            found.Add(new CheckpointGeneration
            {
                Generation = generation,
                Path = path,
                Bytes = file?.Bytes ?? 0,
                Step = file?.Step ?? 0,
                Problem = problem,
                Parent = file?.Parent,
                Hash = file?.HeaderHash,
            });
        }

        return found;
    }

    private static CheckpointDirectory Generations(ICheckpointDisk disk, string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return new CheckpointDirectory(disk, Path.GetFullPath(directory));
    }

    // A long wait on a disk takes no thread from the pool.
    private static Task<T> OnThread<T>(Func<T> work, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(work, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
