namespace SimdEmbed;

/// <summary>How <see cref="Checkpoint.Save(string, TrainingState, CheckpointSaveOptions?, IProgress{CheckpointProgress}?, CancellationToken)"/> keeps checkpoints.</summary>
public sealed record CheckpointSaveOptions
{
    internal const int MostDeltas = 256;

    /// <summary>
    /// How many full generations are kept, the newest included: 1 or more; the deltas that build on a kept one are kept with it. Others are removed
    /// once the new generation is on the disk.
    /// </summary>
    public int Keep { get; init; } = 2;

    /// <summary>
    /// How many deltas may follow a full generation before the next full one: 0, the default, to 256. A delta has the rows that were written since the
    /// generation before, with their optimizer state, and everything that is no row of a table.
    /// </summary>
    /// <remarks>
    /// From the first save that asks for deltas, or a load with <see cref="CheckpointLoadOptions.TrackRows"/>, tables note which rows are written, one bit
    /// for each. A save is full where a delta cannot be: when the rows were not noted since the directory's newest generation, the state names
    /// other tensors, the newest generation is damaged; and where it is not worth it: when more than half of the rows were written.
    /// </remarks>
    public int MaxDeltas { get; init; }
}

/// <summary>What <see cref="Checkpoint.Load(string, TrainingState, CheckpointLoadOptions?, IProgress{CheckpointProgress}?, CancellationToken)"/> accepts.</summary>
public sealed record CheckpointLoadOptions
{
    /// <summary>Whether a table may have another number of rows than in the checkpoint. Its dim may never differ.</summary>
    public RowCountPolicy Rows { get; init; }

    /// <summary>
    /// Where the rows come from that a table has beyond the checkpoint's. Null leaves them as they are: what they were initialised with, in a
    /// new table. Their optimizer state starts anew.
    /// </summary>
    public Initializer? NewRows { get; init; }

    /// <summary>True to note from here on which rows are written, so that the next save can be a delta: <see cref="CheckpointSaveOptions.MaxDeltas"/>.</summary>
    public bool TrackRows { get; init; }

    /// <summary>True to load part of a checkpoint, for example the weights without an optimizer: what the state does not name is left out.</summary>
    public bool AllowUnused { get; init; }

    /// <summary>
    /// True to go on with the hyperparameters of the program, the learning rate among them, where they differ from the checkpoint's. By
    /// default a difference is refused, and the learning rate is the checkpoint's.
    /// </summary>
    public bool KeepOptimizerOptions { get; init; }
}

/// <summary>Which numbers of rows may be loaded into a table.</summary>
public enum RowCountPolicy
{
    /// <summary>The table's own only.</summary>
    Exact = 0,

    /// <summary>Fewer than the table has too: the table grew.</summary>
    Grow = 1,

    /// <summary>More too: rows that the table does not have are dropped.</summary>
    Any = 2,
}
