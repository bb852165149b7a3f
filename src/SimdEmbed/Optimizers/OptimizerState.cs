using System.Globalization;
using SimdEmbed.Internals;
using SimdEmbed.Optimizers;

namespace SimdEmbed;

/// <summary>One tensor that an optimizer remembers.</summary>
public sealed record OptimizerStateEntry
{
    /// <summary>For example <c>Adam.0.exp_avg</c>: the optimizer, the parameter in the order of adding, and PyTorch's name.</summary>
    public required string Name { get; init; }

    /// <summary>Its rows.</summary>
    public required long Rows { get; init; }

    /// <summary>Its columns.</summary>
    public required int Columns { get; init; }
}

/// <summary>
/// What an optimizer remembers, as named tensors: <c>state_dict()["state"]</c> in PyTorch. Besides PyTorch's tensors there is
/// <c>step</c>, <c>[1, 2]</c>: the number of steps modulo 2^20 and the multiples of it, both exact in float32; and <c>moving</c>, <c>[rows, 1]</c>,
/// where momentum is PyTorch's sparse one: 1 for each row that goes on moving.
/// </summary>
public sealed class OptimizerState
{
    private const string StepName = "step";
    private const string MovingName = "moving";
    private const long StepUnit = 1 << 20;

    private readonly Optimizer _optimizer;

    internal OptimizerState(Optimizer optimizer) => _optimizer = optimizer;

    /// <summary>All tensors, by name and shape.</summary>
    public IReadOnlyList<OptimizerStateEntry> Entries
    {
        get
        {
            List<OptimizerStateEntry> entries = [];
            for (int i = 0; i < _optimizer.AllStates.Count; i++)
            {
                ParameterState state = _optimizer.AllStates[i];
                entries.Add(EntryOf(i, StepName, 1, 2));
                if (_optimizer.HasMoving(state)) entries.Add(EntryOf(i, MovingName, state.Rows, 1));
                foreach (string name in state.Layout.Names) entries.Add(EntryOf(i, name, state.Rows, ColumnsOf(state)));
            }

            return entries;
        }
    }

    /// <summary>How many steps a table has made; <c>step</c> in PyTorch.</summary>
    /// <param name="table">A table that was added.</param>
    /// <returns>0 or more.</returns>
    /// <exception cref="ArgumentException">The table was not added.</exception>
    public long StepsOf(EmbeddingTable table) => Find(table).Step;

    /// <summary>One row of a state tensor, to look at; valid until the next step.</summary>
    /// <param name="table">A table that was added.</param>
    /// <param name="name">PyTorch's name, such as <c>exp_avg</c>.</param>
    /// <param name="row">A row of the table.</param>
    /// <returns><c>[Dim]</c>, or <c>[1]</c> where a row has one number.</returns>
    /// <exception cref="ArgumentException">The table was not added, or the optimizer remembers nothing of that name.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="row"/> is not a row.</exception>
    public ReadOnlySpan<float> GetRow(EmbeddingTable table, string name, long row)
    {
        ParameterState state = Find(table);
        int vector = Array.IndexOf(state.Layout.Names, name);
        if (vector < 0) Throw.Argument(nameof(name), $"{_optimizer.GetType().Name} remembers {Known(state)}, and no '{name}'.");
        if ((ulong)row >= (ulong)state.Rows) Throw.RowOutOfRange(nameof(row), row, state.Rows);
        return state.Vector(row, vector);
    }

    /// <summary>Copies everything, to be written to a file or loaded elsewhere.</summary>
    /// <returns>Tables by the names of <see cref="Entries"/>, which the caller disposes.</returns>
    /// <exception cref="InsufficientMemoryException">There is no memory for the copy.</exception>
    public IReadOnlyDictionary<string, EmbeddingTable> Save()
    {
        Dictionary<string, EmbeddingTable> saved = [];
        for (int i = 0; i < _optimizer.AllStates.Count; i++)
        {
            ParameterState state = _optimizer.AllStates[i];
            EmbeddingTable step = new(1, 2);
            step.SetRow(0, [state.Step % StepUnit, state.Step / StepUnit]);
            saved.Add(NameOf(i, StepName), step);
            if (_optimizer.HasMoving(state)) saved.Add(NameOf(i, MovingName), MovingOf(state));
            for (int vector = 0; vector < state.Layout.Names.Length; vector++)
            {
                EmbeddingTable copy = new(state.Rows, ColumnsOf(state));
                for (long row = 0; row < state.Rows; row++) copy.SetRow(row, state.Vector(row, vector));
                saved.Add(NameOf(i, state.Layout.Names[vector]), copy);
            }
        }

        return saved;
    }

    /// <summary>Takes over what <see cref="Save"/> gave: of the same kind of optimizer, with the same parameters in the same order.</summary>
    /// <param name="state">The tables by name; they are copied.</param>
    /// <exception cref="ArgumentException">It is another optimizer's, an entry is missing, unknown, of another shape or type, or no number of steps; nothing has changed.</exception>
    public void Load(IEnumerable<KeyValuePair<string, EmbeddingTable>> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Dictionary<string, EmbeddingTable> given = new(state);
        string own = _optimizer.GetType().Name;
        IReadOnlyList<OptimizerStateEntry> entries = Entries;
        foreach (string name in given.Keys)
        {
            string kind = name.Split('.')[0];
            if (kind != own) Throw.Argument(nameof(state), $"'{name}' is the state of {kind}; this optimizer is {own}.");
        }

        foreach (OptimizerStateEntry entry in entries)
        {
            if (!given.Remove(entry.Name, out EmbeddingTable? table)) Throw.Argument(nameof(state), $"'{entry.Name}' is missing; the optimizer has it with shape [{entry.Rows}, {entry.Columns}].");
            if (table!.RowCount != entry.Rows || table.Dim != entry.Columns)
            {
                Throw.Argument(nameof(state), $"'{entry.Name}' has shape [{table.RowCount}, {table.Dim}]; the optimizer's has [{entry.Rows}, {entry.Columns}].");
            }

            if (table.Codec != RowCodec.Float32) Throw.Argument(nameof(state), $"'{entry.Name}' is {table.Codec}; the optimizer's is Float32.");
            if (entry.Name.EndsWith("." + StepName, StringComparison.Ordinal) && StepOf(table) < 0)
            {
                Throw.Argument(nameof(state), $"'{entry.Name}' is {table.GetRow(0)[0]} and {table.GetRow(0)[1]}, which count no steps.");
            }

            given.Add(entry.Name, table);
        }

        foreach (string name in given.Keys)
        {
            bool known = false;
            foreach (OptimizerStateEntry entry in entries) known |= entry.Name == name;
            if (!known) Throw.Argument(nameof(state), $"'{name}' is unknown: the optimizer has {_optimizer.AllStates.Count} parameters.");
        }

        for (int i = 0; i < _optimizer.AllStates.Count; i++) Load(_optimizer.AllStates[i], i, given);
    }

    /// <summary>Makes the optimizer forget everything, as if no step had been made.</summary>
    public void Reset()
    {
        foreach (ParameterState state in _optimizer.AllStates) state.Reset();
    }

    private unsafe void Load(ParameterState state, int index, Dictionary<string, EmbeddingTable> given)
    {
        state.SavedAs = null;
        state.Step = StepOf(given[NameOf(index, StepName)]);
        for (int vector = 0; vector < state.Layout.Names.Length; vector++)
        {
            EmbeddingTable table = given[NameOf(index, state.Layout.Names[vector])];
            for (long row = 0; row < state.Rows; row++) table.CopyRowTo(row, state.Vector(row, vector));
        }

        if (!_optimizer.HasMoving(state)) return;
        EmbeddingTable moving = given[NameOf(index, MovingName)];
        state.ReserveMoving(state.Rows);
        state.MovingCount = 0;
        for (long row = 0; row < state.Rows; row++)
        {
            if (moving.GetRow(row)[0] != 0) state.Moving[state.MovingCount++] = row;
        }
    }

    /// <summary>The steps that a table of two numbers counts; below 0 where they are not what <see cref="Save"/> writes.</summary>
    private static long StepOf(EmbeddingTable table)
    {
        ReadOnlySpan<float> step = table.GetRow(0);
        bool counts = step[0] >= 0 && step[0] < StepUnit && step[1] >= 0 && step[1] <= 1 << 24;
        return counts ? (long)step[0] + ((long)step[1] * StepUnit) : -1;
    }

    private static unsafe EmbeddingTable MovingOf(ParameterState state)
    {
        EmbeddingTable moving = new(state.Rows, 1);
        for (int i = 0; i < state.MovingCount; i++) moving.SetRow(state.Moving[i], [1]);
        return moving;
    }

    private ParameterState Find(EmbeddingTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        foreach (ParameterState state in _optimizer.AllStates)
        {
            if (state.Table == table) return state;
        }

        throw new ArgumentException("the table was not added to this optimizer.", nameof(table));
    }

    private OptimizerStateEntry EntryOf(int index, string name, long rows, int columns) => new() { Name = NameOf(index, name), Rows = rows, Columns = columns };

    private static int ColumnsOf(ParameterState state) => state.Layout.PerRow ? 1 : state.Dim;

    private static string Known(ParameterState state) => state.Layout.Names.Length == 0 ? "nothing" : string.Join(", ", state.Layout.Names);

    private string NameOf(int index, string name) => string.Create(CultureInfo.InvariantCulture, $"{_optimizer.GetType().Name}.{index}.{name}");
}
