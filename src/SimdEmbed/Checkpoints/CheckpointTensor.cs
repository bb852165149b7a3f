using SimdEmbed.Formats;
using SimdEmbed.Kernels;

namespace SimdEmbed.Checkpoints;

/// <summary>A part of the training state as one tensor of a checkpoint's file: float32, but for tables of half width.</summary>
internal abstract class CheckpointTensor(string name, long[] shape, TensorDtype dtype = TensorDtype.Float32)
{
    public string Name => name;

    public TensorDtype Dtype => dtype;

    public long[] Shape => shape;

    /// <summary>Whether a checkpoint's tensor of another number of rows can be loaded.</summary>
    public virtual bool CanResize => false;

    public abstract void Write(Stream output);

    /// <summary>Looks at what is there and makes room, before anything of any tensor is changed.</summary>
    public abstract bool TryPrepare(RowSource source, ref FormatError error);

    /// <summary>Takes over the rows that both sides have; the others are initialised.</summary>
    public abstract bool TryRead(RowSource source, Initializer? newRows, ref FormatError error);
}

/// <summary>A table's rows.</summary>
internal sealed class TableTensor(string name, EmbeddingTable table)
    : CheckpointTensor(name, [table.RowCount, table.Dim], CompactRows.DtypeOf(table.Codec))
{
    public override bool CanResize => true;

    public override void Write(Stream output)
    {
        RowTransfer.Write(table.OpenRead(), Dtype.ElementBytes(), output);
        GC.KeepAlive(table);
    }

    public override bool TryPrepare(RowSource source, ref FormatError error)
    {
        _ = table.OpenTraining();
        return true;
    }

    public override bool TryRead(RowSource source, Initializer? newRows, ref FormatError error)
    {
        RowView rows = table.OpenTraining();
        if (!RowTransfer.TryRead(source, rows, Dtype.ElementBytes(), ref error)) return false;
        if (source.Rows < rows.Count && newRows is { } initializer) table.Initialize(source.Rows, initializer);
        return true;
    }
}

/// <summary>An array of the caller's.</summary>
internal sealed unsafe class ArrayTensor(string name, Memory<float> values) : CheckpointTensor(name, [values.Length])
{
    public override void Write(Stream output)
    {
        fixed (float* start = values.Span) RowTransfer.Write(RowView.Dense(start, 1, values.Length), output);
    }

    public override bool TryPrepare(RowSource source, ref FormatError error) => true;

    public override bool TryRead(RowSource source, Initializer? newRows, ref FormatError error)
    {
        fixed (float* start = values.Span) return RowTransfer.TryRead(source, RowView.Dense(start, 1, values.Length), ref error);
    }
}
