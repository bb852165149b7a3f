using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>
/// Changes the weights of tables by their gradients. Memory for what it remembers of a table, in float32 whatever the table's codec, is
/// taken when the table is added; the table stays its owner's, who disposes it after the last step.
/// One thread uses an optimizer, and its tables, at a time.
/// </summary>
/// <remarks>
/// A dense gradient moves every row whose weights or state PyTorch would change. A sparse one moves the touched rows only: those of
/// PyTorch's optimizers that take sparse gradients do the same, and the others are defined here that way, weight decay included.
/// </remarks>
public abstract unsafe partial class Optimizer : IDisposable
{
    private readonly Dictionary<EmbeddingTable, ParameterState> _tables = [];
    private readonly List<ParameterState> _all = [];
    private readonly List<ParameterGroup> _groups = [];
    private bool _disposed;

    private protected Optimizer(OptimizerOptions options)
    {
        AddGroupOf(options);
        State = new OptimizerState(this);
    }

    /// <summary>The step's length of the first group, <c>lr</c> in PyTorch: finite, 0 or more. It may be set between steps.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative, infinite or NaN.</exception>
    public float LearningRate
    {
        get => _groups[0].LearningRate;
        set => _groups[0].LearningRate = value;
    }

    /// <summary>Tables and parameters with options of their own; the first has the options of the constructor.</summary>
    public IReadOnlyList<ParameterGroup> Groups => _groups;

    /// <summary>What the optimizer remembers: to be listed, saved, loaded and reset.</summary>
    public OptimizerState State { get; }

    internal IReadOnlyList<ParameterState> AllStates => _all;

    internal bool HasMoving(ParameterState state) => KeepsMoving(state.Group.Options);

    /// <summary>Makes <paramref name="table"/> one of the optimizer's; PyTorch's <c>params</c>.</summary>
    /// <param name="table">The table; adding it again does nothing.</param>
    /// <param name="group">One of <see cref="Groups"/>, or null for the first.</param>
    /// <exception cref="ArgumentException">The group is another optimizer's, or the table is in another group.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the state.</exception>
    /// <exception cref="InvalidOperationException">The table is read-only, or its rows are integer codes.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer or the table was disposed.</exception>
    public void Add(EmbeddingTable table, ParameterGroup? group = null)
    {
        ArgumentNullException.ThrowIfNull(table);
        ObjectDisposedException.ThrowIf(_disposed, this);
        table.CheckOpenToTrain();
        group = OwnGroup(group);
        if (_tables.TryGetValue(table, out ParameterState? known))
        {
            if (known.Group != group) Throw.Argument(nameof(group), "the table is in another group already.");
            return;
        }

        ParameterState state = new(table, group, LayoutOf(group.Options), table.RowCount, table.Dim) { Number = _all.Count };
        _tables.Add(table, state);
        _all.Add(state);
    }

    /// <summary>Makes an array that is no table, such as a projection's weights, one of the optimizer's parameters.</summary>
    /// <param name="rows">Its rows, 1 or more: what row-wise optimizers keep one number for.</param>
    /// <param name="columns">Its columns, 1 or more.</param>
    /// <param name="group">One of <see cref="Groups"/>, or null for the first.</param>
    /// <returns>The parameter, to be named in <see cref="Step(DenseParameter, Span{float}, ReadOnlySpan{float})"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range.</exception>
    /// <exception cref="ArgumentException">The group is another optimizer's.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the state.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer was disposed.</exception>
    public DenseParameter AddParameter(int rows, int columns, ParameterGroup? group = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (rows < 1) Throw.OutOfRange(nameof(rows), rows, "1 or more");
        if (columns < 1 || (long)rows * columns > int.MaxValue) Throw.OutOfRange(nameof(columns), columns, "1 or more, with at most 2147483647 elements");
        group = OwnGroup(group);
        ParameterState state = new(null, group, LayoutOf(group.Options), rows, columns) { Number = _all.Count };
        _all.Add(state);
        return new DenseParameter(this, state);
    }

    /// <summary>Changes the weights of the gradient's table.</summary>
    /// <param name="gradient">A gradient of a table that was added; it is not changed.</param>
    /// <exception cref="ArgumentException">The gradient's table was not added, or holds what <see cref="OptimizerOptions.NonFinite"/> refuses.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer, the gradient or its table was disposed.</exception>
    public void Step(EmbeddingGradient gradient) => Step([gradient]);

    /// <summary>Changes the weights of several tables: one step, with one norm over all gradients where it is limited.</summary>
    /// <param name="gradients">Gradients of different tables that were added; they are not changed.</param>
    /// <exception cref="ArgumentException">A gradient's table was not added or occurs twice, or holds what <see cref="OptimizerOptions.NonFinite"/> refuses.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer, a gradient or its table was disposed.</exception>
    public void Step(ReadOnlySpan<EmbeddingGradient> gradients)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        nuint most = 0;
        for (int i = 0; i < gradients.Length; i++)
        {
            EmbeddingGradient gradient = gradients[i];
            ArgumentNullException.ThrowIfNull(gradient, nameof(gradients));
            ParameterState state = StateOf(gradient.Table, nameof(gradients));
            gradient.Table.CheckOpenToTrain();
            GradientRows rows = gradient.OpenTouched();
            for (int other = 0; other < i; other++)
            {
                if (gradients[other].Table == gradient.Table) Throw.Argument(nameof(gradients), $"gradients[{other}] and gradients[{i}] are of one table: accumulate them into one gradient.");
            }

            bool sparse = gradient is SparseGradient;
            if (state.Group.Options.NonFinite == NonFiniteGradients.Throw) CheckFinite(rows);
            Reserve(state, sparse, rows.Count);
            most = nuint.Max(most, WorkBytes(state, rows.Count));
        }

        Workspace workspace = Workspace.Rent(most);
        try
        {
            double squares = 0;
            for (int i = 0; i < gradients.Length && LimitsNorm; i++)
            {
                Workspace own = workspace;
                StepWork work = NewWork(gradients[i], ref own);
                squares += Squares(ref work, ref own);
            }

            float scale = ScaleFor(squares);
            foreach (EmbeddingGradient gradient in gradients)
            {
                Workspace own = workspace;
                StepWork work = NewWork(gradient, ref own);
                work.Scale = scale;
                Run(_tables[gradient.Table], ref work, gradient is SparseGradient, ref own);
                GC.KeepAlive(gradient);
            }
        }
        finally
        {
            workspace.Dispose();
        }
    }

    /// <summary>Changes an array that is no table: <c>weights</c> is stepped along <c>gradient</c>, every element of it.</summary>
    /// <param name="parameter">What <see cref="AddParameter"/> returned.</param>
    /// <param name="weights"><c>[rows, columns]</c>, row-major; changed.</param>
    /// <param name="gradient"><c>[rows, columns]</c>; shares no memory with the weights. Its norm is limited by itself.</param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the parameter is another optimizer's.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer was disposed.</exception>
    public void Step(DenseParameter parameter, Span<float> weights, ReadOnlySpan<float> gradient)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (parameter.Optimizer != this) Throw.Argument(nameof(parameter), "the parameter is another optimizer's.");
        ParameterState state = parameter.State;
        Check.Length(nameof(weights), weights.Length, state.Rows * state.Dim, "rows * columns");
        Check.Length(nameof(gradient), gradient.Length, state.Rows * state.Dim, "rows * columns");
        Check.NoOverlap((ReadOnlySpan<float>)weights, nameof(weights), gradient, nameof(gradient));
        int rows = (int)state.Rows;
        fixed (float* start = weights)
        fixed (float* values = gradient)
        {
            if (state.Group.Options.NonFinite == NonFiniteGradients.Throw) CheckFinite(nameof(gradient), values, rows, state.Dim);
            Workspace workspace = Workspace.Rent(WorkBytes(state, rows));
            try
            {
                StepWork work = new() { Table = RowView.Dense(start, rows, state.Dim), State = state.View, Count = rows, Values = RowView.Dense(values, rows, state.Dim) };
                work.Take(DegreeOf(state), state.Group.Options.ClipValue, ref workspace);
                if (LimitsNorm) work.Scale = ScaleFor(Squares(ref work, ref workspace));
                Run(state, ref work, sparse: false, ref workspace);
            }
            finally
            {
                workspace.Dispose();
            }
        }
    }

    /// <summary>
    /// Makes the optimizer follow <see cref="EmbeddingTable.Resize"/>: what it remembers of the rows both tables have is kept, other rows
    /// start anew, and <paramref name="resized"/> takes the place of <paramref name="table"/>.
    /// </summary>
    /// <param name="table">A table that was added.</param>
    /// <param name="resized">The table to go on with, of the same dim.</param>
    /// <exception cref="ArgumentException">The table was not added, the other one was, or has another dim.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the state.</exception>
    /// <exception cref="ObjectDisposedException">The optimizer or the new table was disposed.</exception>
    public void Replace(EmbeddingTable table, EmbeddingTable resized)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(resized);
        ObjectDisposedException.ThrowIf(_disposed, this);
        ParameterState state = StateOf(table, nameof(table));
        resized.CheckOpenToTrain();
        if (resized.Dim != table.Dim) Throw.Argument(nameof(resized), $"resized has rows of {resized.Dim}, the table of {table.Dim}.");
        if (_tables.ContainsKey(resized)) Throw.Argument(nameof(resized), "resized was added to this optimizer already.");
        ParameterState replaced = state.For(resized);
        _tables.Remove(table);
        _tables.Add(resized, replaced);
        _all[_all.IndexOf(state)] = replaced;
        state.Dispose();
    }

    /// <summary>Forgets the tables, which stay open, and gives the state's memory back.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (ParameterState state in _all) state.Dispose();
        _all.Clear();
        _tables.Clear();
        GC.SuppressFinalize(this);
    }

    private protected ParameterGroup AddGroupOf(OptimizerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        ParameterGroup group = new(this, options);
        _groups.Add(group);
        return group;
    }

    /// <summary>What is remembered of each row.</summary>
    private protected abstract StateLayout LayoutOf(OptimizerOptions options);

    /// <summary>Whether rows that a dense gradient has zeros for move too.</summary>
    private protected abstract bool MovesAllRows(OptimizerOptions options);

    /// <summary>Whether rows that were ever touched go on moving under sparse gradients.</summary>
    private protected virtual bool KeepsMoving(OptimizerOptions options) => false;

    /// <summary>Applies step number <c>state.Step</c>, which counts from 1.</summary>
    private protected abstract void Apply(ParameterState state, scoped ref StepWork work);

    private ParameterGroup OwnGroup(ParameterGroup? group)
    {
        if (group != null && group.Optimizer != this) Throw.Argument(nameof(group), "the group is another optimizer's.");
        return group ?? _groups[0];
    }

    private ParameterState StateOf(EmbeddingTable table, string argument)
    {
        if (!_tables.TryGetValue(table, out ParameterState? state)) Throw.Argument(argument, $"the table of {argument} was not added to this optimizer: call Add(table) first.");
        return state!;
    }

    private bool LimitsNorm => _groups[0].Options.ClipNorm is not null;

    private static int DegreeOf(ParameterState state) => int.Min(state.Group.Options.Degree, WorkerSet.MaxDegree);

    /// <summary>Makes room for what a step adds to the list of moving rows, before anything is written.</summary>
    private void Reserve(ParameterState state, bool sparse, int touched)
    {
        if (sparse && KeepsMoving(state.Group.Options)) state.ReserveMoving((long)state.MovingCount + touched);
    }

    private static nuint WorkBytes(ParameterState state, int touched) =>
        StepWork.Bytes(state.Dim, DegreeOf(state)) + Workspace.SizeOf<float>(touched)
        + (2 * Workspace.SizeOf<long>((long)state.MovingCount + touched)) + Workspace.SizeOf<long>(touched);

    private StepWork NewWork(EmbeddingGradient gradient, scoped ref Workspace workspace)
    {
        ParameterState state = _tables[gradient.Table];
        GradientRows rows = gradient.OpenTouched();
        StepWork work = new() { Table = gradient.Table.OpenRead(), Codec = gradient.Table.Codec, State = state.View, Rows = rows.Rows, Count = rows.Count, Values = rows.Values, Slots = rows.Slots };
        work.Take(DegreeOf(state), state.Group.Options.ClipValue, ref workspace);
        return work;
    }

    /// <summary>The sum of the squared norms of the touched rows, rows ascending, in double.</summary>
    private static double Squares(scoped ref StepWork work, scoped ref Workspace workspace)
    {
        float* squares = workspace.Take<float>(work.Count);
        work.WriteSquares(squares);
        double sum = 0;
        for (int i = 0; i < work.Count; i++) sum += squares[i];
        return sum;
    }

    private float ScaleFor(double squares)
    {
        if (_groups[0].Options.ClipNorm is not { } limit) return 1;
        float scale = (float)(limit / (Math.Sqrt(squares) + 1e-6));
        return scale >= 1 ? 1 : scale;
    }

    private void Run(ParameterState state, scoped ref StepWork work, bool sparse, scoped ref Workspace workspace)
    {
        OptimizerOptions options = state.Group.Options;
        bool moving = sparse && KeepsMoving(options);

        // A norm that is no number makes every element of a dense gradient none, zeros included.
        work.AllRows = !sparse && work.Rows != null && (MovesAllRows(options) || float.IsNaN(work.Scale));
        if (moving)
        {
            work.OtherRows = workspace.Take<long>((long)state.MovingCount + work.Count);
            work.OtherCount = SortedRows.Except(state.Moving, state.MovingCount, work.Rows, work.Count, work.OtherRows);
        }

        if (work.Scale != 1) Elementwise.Scale(work.Zeros, work.Scale, work.Table.Dim);
        if (state.Table is { } table)
        {
            work.Table = work.AllRows ? table.OpenTraining() : table.OpenTraining(work.Rows, work.Count);
            if (work.OtherCount > 0) work.Table = table.OpenTraining(work.OtherRows, work.OtherCount);
        }

        state.Step++;
        work.Rounding = new RowRounding(options.HalfRounding == HalfRounding.Stochastic, options.RoundingSeed, state.Number, state.Step);
        Apply(state, ref work);
        if (!moving) return;
        long* keptSlots = workspace.Take<long>((long)state.MovingCount);
        long* addedSlots = workspace.Take<long>(work.Count);
        state.MovingCount = SortedRows.Merge(state.Moving, state.MovingCount, work.Rows, work.Count, keptSlots, addedSlots);
    }

    private static void CheckFinite(in GradientRows rows)
    {
        for (int i = 0; i < rows.Count; i++)
        {
            float* row = (float*)(rows.Values.Rows + ((rows.Slots == null ? i : (nint)rows.Slots[i]) * rows.Values.Stride));
            nint column = Elementwise.FirstNonFinite(row, rows.Values.Dim);
            if (column >= 0) Throw.Argument("gradients", $"the gradient of row {rows.Rows[i]} is {row[column]} in column {column}; nothing was changed.");
        }
    }

    private static void CheckFinite(string argument, float* values, int rows, int dim)
    {
        nint element = Elementwise.FirstNonFinite(values, (nint)rows * dim);
        if (element >= 0) Throw.Argument(argument, $"{argument} is {values[element]} at position {element / dim}, column {element % dim}; nothing was changed.");
    }
}
