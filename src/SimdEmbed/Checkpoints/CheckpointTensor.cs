using SimdEmbed.Formats;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed.Checkpoints;

/// <summary>A part of the training state as one tensor of a checkpoint's file: float32, but for tables of half width.</summary>
/// <param name="name">The tensor's name.</param>
/// <param name="shape">All rows.</param>
/// <param name="table">The table whose rows these are, or what is remembered of them; null for what every checkpoint has whole.</param>
/// <param name="dtype">How an element is stored, in the program and in the file.</param>
internal abstract class CheckpointTensor(string name, long[] shape, NamedTable? table = null, TensorDtype dtype = TensorDtype.Float32)
{
    public string Name => name;

    public TensorDtype Dtype => dtype;

    public long[] Shape => shape;

    public NamedTable? Table => table;

    /// <summary>Whether a checkpoint's tensor of another number of rows can be loaded.</summary>
    public virtual bool CanResize => false;

    /// <summary>Whether rows can be read in parts, by several threads.</summary>
    public virtual bool CanSplit => false;

    /// <summary>Which checkpoint has all rows but those that are marked as written, as <see cref="SavedAs"/> puts it.</summary>
    protected virtual string? Saved { get; set; }

    /// <summary>Whether the marked rows are all that differ from a checkpoint.</summary>
    public bool IsSince(string hash) => table == null || (table.Value.Table.Written != null && Saved == SavedAs(hash));

    /// <summary>Notes that a checkpoint has everything as it is.</summary>
    public void SetSince(string hash)
    {
        if (table is { Table.Written: not null }) Saved = SavedAs(hash);
    }

    /// <summary>Writes all rows, or those that are marked.</summary>
    public abstract void Write(Stream output, WrittenRows? marked);

    /// <summary>Looks at what is there and makes room, before anything of any tensor is changed.</summary>
    public abstract bool TryPrepare(RowSource source, ref FormatError error);

    /// <summary>
    /// Takes over the rows that both sides have, and initialises the others; or one of <paramref name="parts"/> parts of that where it <see cref="CanSplit"/>.
    /// </summary>
    public abstract bool TryRead(RowSource source, int part, int parts, Initializer? newRows, ref FormatError error);

    /// <summary>What the rows belong to: the hash alone would fit a table that has changed its name with another.</summary>
    protected virtual string Owner => name;

    private string SavedAs(string hash) => $"{hash} {Owner}";
}

/// <summary>A table, and the name that the training state has for it.</summary>
internal readonly record struct NamedTable(string Name, EmbeddingTable Table);

/// <summary>A table's rows.</summary>
internal sealed class TableTensor(string name, NamedTable table)
    : CheckpointTensor(name, [table.Table.RowCount, table.Table.Dim], table, TensorDtypes.Of(table.Table.Codec))
{
    private readonly EmbeddingTable _table = table.Table;

    public override bool CanResize => true;

    public override bool CanSplit => true;

    protected override string Owner => table.Name;

    protected override string? Saved
    {
        get => _table.Written?.Since;
        set => _table.Written?.Restart(value);
    }

    public override void Write(Stream output, WrittenRows? marked)
    {
        RowTransfer.Write(_table.OpenRead(), Dtype.ElementBytes(), marked, output);
        GC.KeepAlive(_table);
    }

    public override bool TryPrepare(RowSource source, ref FormatError error)
    {
        _table.CheckOpenToTrain();
        return true;
    }

    public override bool TryRead(RowSource source, int part, int parts, Initializer? newRows, ref FormatError error)
    {
        RowView rows = _table.OpenTraining();
        if (!RowTransfer.TryRead(source, rows, Dtype.ElementBytes(), part, parts, ref error)) return false;
        if (part == 0 && source.Rows < rows.Count && newRows is { } initializer) _table.Initialize(source.Rows, rows.Count, initializer);
        return true;
    }
}

/// <summary>An array of the caller's.</summary>
internal sealed unsafe class ArrayTensor(string name, Memory<float> values) : CheckpointTensor(name, [values.Length])
{
    public override void Write(Stream output, WrittenRows? marked)
    {
        fixed (float* start = values.Span) RowTransfer.Write(RowView.Dense(start, 1, values.Length), null, output);
    }

    public override bool TryPrepare(RowSource source, ref FormatError error) => true;

    public override bool TryRead(RowSource source, int part, int parts, Initializer? newRows, ref FormatError error)
    {
        fixed (float* start = values.Span) return RowTransfer.TryRead(source, RowView.Dense(start, 1, values.Length), part, parts, ref error);
    }
}
