using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>
/// The matrix <c>[RowCount, Dim]</c> of embedding vectors, row-major: <c>weight</c> of PyTorch's <c>nn.Embedding</c>. It owns
/// native memory that starts on a 64-byte line, or a part of a mapped file, and gives it back on <see cref="Dispose"/>.
/// </summary>
/// <remarks>
/// Any number of threads may read at once; writing (<see cref="SetRow"/>, <see cref="Edit"/>, an optimizer's step) needs the
/// table to itself. Undefined: disposing or writing while another thread is inside a call, and using a span of a table that
/// was disposed or that nothing refers to any more.
/// </remarks>
[DebuggerDisplay("{RowCount} x {Dim} {Codec}")]
public sealed unsafe partial class EmbeddingTable : IDisposable
{
    private readonly IDisposable _memory;
    private readonly AlignedMemory? _side;
    private RowView _rows;

    /// <summary>Creates a table of zeros. No rows are legal; an index into such a table is not.</summary>
    /// <param name="rows">The number of rows, <c>num_embeddings</c> in PyTorch: 0 or more.</param>
    /// <param name="dim">The number of columns, <c>embedding_dim</c> in PyTorch: 0 or more.</param>
    /// <param name="codec">How rows are stored.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rows"/>, <paramref name="dim"/> or <paramref name="codec"/> is out of range.</exception>
    /// <exception cref="InsufficientMemoryException">The rows need more memory than there is; the message has the size in bytes.</exception>
    public EmbeddingTable(long rows, int dim, RowCodec codec = RowCodec.Float32)
        : this(rows, dim, codec, clear: true)
    {
    }

    private EmbeddingTable(long rows, int dim, RowCodec codec, bool clear)
    {
        if (rows < 0) Throw.OutOfRange(nameof(rows), rows, "0 or more");
        if (dim < 0) Throw.OutOfRange(nameof(dim), dim, "0 or more");
        if (!Enum.IsDefined(codec)) Throw.OutOfRange(nameof(codec), codec, "a defined RowCodec");
        nint stride = RowCodecs.RowBytes(codec, dim);

        // 128-bit arithmetic: 2^63 rows of 2^31 columns do not wrap around to a small allocation.
        AlignedMemory memory = new((UInt128)rows * (UInt128)stride, $"a table of {rows} x {dim} {codec} rows");
        try
        {
            if (RowCodecs.IsAffine(codec)) _side = new AlignedMemory((UInt128)rows * (2 * sizeof(float)), $"scale and bias of {rows} {codec} rows");
        }
        catch (InsufficientMemoryException)
        {
            memory.Dispose();
            throw;
        }

        if (clear)
        {
            memory.Clear();
            _side?.Clear();
        }

        _memory = memory;
        RowCount = rows;
        Dim = dim;
        Codec = codec;
        _rows = new RowView(memory.Start, stride, rows, dim, padded: true, _side == null ? null : (float*)_side.Start);
    }

    private EmbeddingTable(IDisposable memory, RowView rows, RowCodec codec)
    {
        _memory = memory;
        _rows = rows;
        RowCount = rows.Count;
        Dim = rows.Dim;
        Codec = codec;
        IsReadOnly = true;
    }

    /// <summary>The number of rows; <c>num_embeddings</c> in PyTorch.</summary>
    public long RowCount { get; private set; }

    /// <summary>The number of columns; <c>embedding_dim</c> in PyTorch.</summary>
    public int Dim { get; }

    /// <summary>How rows are stored.</summary>
    public RowCodec Codec { get; }

    /// <summary>
    /// Whether rows can only be read: true of tables that <see cref="TableFile.MapTable(string, MapOptions?)"/> made. Every way of
    /// writing throws <see cref="InvalidOperationException"/> then; <see cref="Resize"/> makes a writable copy.
    /// </summary>
    public bool IsReadOnly { get; }

    /// <summary>Creates a table whose row <c>i</c> depends on the initializer and <c>i</c> alone, whatever the number of rows.</summary>
    /// <param name="rows">The number of rows: 0 or more.</param>
    /// <param name="dim">The number of columns: 0 or more.</param>
    /// <param name="initializer">Where the values come from.</param>
    /// <returns>A table that the caller disposes.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rows"/> or <paramref name="dim"/> is out of range.</exception>
    /// <exception cref="InsufficientMemoryException">The rows need more memory than there is.</exception>
    public static EmbeddingTable Create(long rows, int dim, Initializer initializer)
    {
        EmbeddingTable table = new(rows, dim);
        table.Initialize(0, rows, initializer);
        return table;
    }

    /// <summary>Copies row <paramref name="row"/>, decoded: <c>destination[j] = table[row, j]</c>.</summary>
    /// <param name="row">0 to <see cref="RowCount"/> - 1.</param>
    /// <param name="destination"><c>[Dim]</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="row"/> is not a row.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void CopyRowTo(long row, Span<float> destination)
    {
        ref readonly RowView rows = ref OpenRead();
        CheckRow(row, rows);
        Check.Length(nameof(destination), destination.Length, Dim, "Dim");
        fixed (float* values = destination) RowCodecs.Decode(Codec, rows, row, values);
        GC.KeepAlive(this);
    }

    /// <summary>Replaces row <paramref name="row"/>: <c>table[row, j] = values[j]</c>, rounded to what the codec holds.</summary>
    /// <param name="row">0 to <see cref="RowCount"/> - 1.</param>
    /// <param name="values"><c>[Dim]</c>; may be a row of this table.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="row"/> is not a row.</exception>
    /// <exception cref="ArgumentException"><paramref name="values"/> has another length, or is not finite and goes to integer codes.</exception>
    /// <exception cref="InvalidOperationException">The table is read-only.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void SetRow(long row, ReadOnlySpan<float> values)
    {
        ref readonly RowView rows = ref OpenRead();
        CheckNotReadOnly();
        CheckRow(row, rows);
        Check.Length(nameof(values), values.Length, Dim, "Dim");
        fixed (float* source = values)
        {
            CheckFinite(row, source);
            Written?.Mark(row);
            RowCodecs.Encode(Codec, rows, row, source);
        }

        GC.KeepAlive(this);
    }

    /// <summary>Row <paramref name="row"/> where it lies; valid as long as the table is referred to and not disposed.</summary>
    /// <param name="row">0 to <see cref="RowCount"/> - 1.</param>
    /// <returns><c>[Dim]</c>, read-only: writing goes through <see cref="SetRow"/> or <see cref="Edit"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="row"/> is not a row.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    /// <exception cref="InvalidOperationException">The rows are not <see cref="RowCodec.Float32"/>: <see cref="CopyRowTo"/> decodes them.</exception>
    public ReadOnlySpan<float> GetRow(long row) => Row(OpenFloats(), row);

    /// <summary>The whole table as a tensor of shape <c>[RowCount, Dim]</c>, where it lies; valid as <see cref="GetRow"/> is.</summary>
    /// <returns>A dense, read-only tensor that may exceed 2^31 elements.</returns>
    /// <exception cref="InvalidOperationException">The rows are not <see cref="RowCodec.Float32"/>.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public ReadOnlyTensorSpan<float> AsTensorSpan()
    {
        RowView rows = OpenFloats();
        return new ReadOnlyTensorSpan<float>((float*)rows.Rows, (nint)rows.Count * Dim, [(nint)rows.Count, Dim]);
    }

    /// <summary>Opens the table for writing row by row; nobody else may use the table until the edit is disposed.</summary>
    /// <returns>A stack-only editor.</returns>
    /// <exception cref="InvalidOperationException">The table is read-only, or its rows are not <see cref="RowCodec.Float32"/>.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public TableEdit Edit()
    {
        CheckOpenToWrite();
        return new TableEdit(this);
    }

    /// <summary>
    /// Creates a table of another size: the rows both have are this table's, bit for bit, and the others are what
    /// <paramref name="initializer"/> makes them, as if they had always been there.
    /// </summary>
    /// <param name="rows">The number of rows of the new table: 0 or more.</param>
    /// <param name="initializer">Where the values of added rows come from.</param>
    /// <returns>A table that the caller disposes; this one stays as it is.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="rows"/> is negative.</exception>
    /// <exception cref="InsufficientMemoryException">The rows need more memory than there is.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public EmbeddingTable Resize(long rows, Initializer initializer)
    {
        RowView source = OpenRead();
        EmbeddingTable resized = new(rows, Dim, Codec);
        nuint kept = (nuint)long.Min(rows, RowCount) * (nuint)source.Stride;
        Buffer.MemoryCopy(source.Rows, resized._rows.Rows, kept, kept);
        nuint pairs = (nuint)long.Min(rows, RowCount) * (2 * sizeof(float));
        if (resized._side != null) Buffer.MemoryCopy(source.Side, resized._side.Start, pairs, pairs);
        resized.Initialize(RowCount, rows, initializer);
        GC.KeepAlive(this);
        return resized;
    }

    /// <summary>Gives the memory back. Every member but the properties throws from now on; a second call does nothing.</summary>
    public void Dispose()
    {
        _rows = default;
        _memory.Dispose();
        _side?.Dispose();
        Written?.Dispose();
    }

    /// <summary>
    /// A read-only table over memory that it disposes, of any alignment; float32 rows without a byte to spare at the end, others with
    /// <see cref="AlignedMemory.Overread"/> that may be read.
    /// </summary>
    internal static EmbeddingTable Mapped(IDisposable memory, RowView rows, RowCodec codec) => new(memory, rows, codec);

    /// <summary>A table whose rows are whatever the memory held, for a reader that is about to fill all of them.</summary>
    internal static EmbeddingTable Uninitialized(long rows, int dim, RowCodec codec = RowCodec.Float32) =>
        new(rows, dim, codec, clear: false);

    /// <summary>What kernels read from. The caller keeps the table alive until the kernel is done.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref readonly RowView OpenRead()
    {
        // By reference: a copy of the view is a third of what looking one row up costs beside the copy of the row.
        if (_rows.Rows == null) Throw.Disposed(nameof(EmbeddingTable));
        return ref _rows;
    }

    /// <summary>The write gate: the only way to memory that may be written. Every row counts as written.</summary>
    internal RowView OpenWrite()
    {
        CheckOpenToWrite();
        Written?.MarkAll();
        return _rows;
    }

    /// <summary>The write gate to some rows, ascending or not; the first <paramref name="count"/> where there is no list.</summary>
    internal RowView OpenWrite(long* rows, long count)
    {
        CheckOpenToWrite();
        Written?.Mark(rows, count);
        return _rows;
    }

    /// <summary>Throws where the write gate would; nothing is opened.</summary>
    internal void CheckOpenToWrite()
    {
        _ = OpenFloats();
        CheckNotReadOnly();
    }

    /// <summary>Which rows were written since a checkpoint; null until somebody asks for it, so that nobody else pays.</summary>
    internal WrittenRows? Written { get; private set; }

    /// <summary>Notes from now on which rows are written.</summary>
    /// <exception cref="InsufficientMemoryException">There is no memory for it.</exception>
    internal void TrackWritten()
    {
        CheckOpenToTrain();
        Written ??= new WrittenRows(RowCount);
    }

    /// <summary>The write gate of training: rows of floats, of half width too. Every row counts as written.</summary>
    internal RowView OpenTraining()
    {
        CheckOpenToTrain();
        Written?.MarkAll();
        return _rows;
    }

    /// <summary>The write gate of training to some rows, as <see cref="OpenWrite(long*, long)"/>.</summary>
    internal RowView OpenTraining(long* rows, long count)
    {
        CheckOpenToTrain();
        Written?.Mark(rows, count);
        return _rows;
    }

    /// <summary>Throws where the write gate of training would; nothing is opened.</summary>
    internal void CheckOpenToTrain()
    {
        CheckTrainable();
        CheckNotReadOnly();
    }

    /// <summary>Refuses to train rows that are not floats.</summary>
    internal void CheckTrainable()
    {
        _ = OpenRead();
        if (RowCodecs.IsAffine(Codec)) Throw.InvalidOperation($"rows of {Codec} are only looked up: convert the table to Float32, Float16 or BFloat16 to train it.");
    }

    internal Span<float> WritableRow(long row)
    {
        CheckOpenToWrite();
        Span<float> values = Row(_rows, row);
        Written?.Mark(row);
        return values;
    }

    /// <summary>Replaces a row by another table's of the same codec and dim, bit for bit.</summary>
    internal void CopyRowFrom(EmbeddingTable other, long source, long row)
    {
        ref readonly RowView from = ref other.OpenRead();
        ref readonly RowView to = ref OpenRead();
        CheckRow(source, from);
        CheckRow(row, to);
        Debug.Assert(other.Codec == Codec && other.Dim == Dim && !IsReadOnly, "rows are stored alike");
        Buffer.MemoryCopy(from.Rows + ((nint)source * from.Stride), to.Rows + ((nint)row * to.Stride), to.Stride, to.Stride);
        if (!RowCodecs.IsAffine(Codec)) return;
        to.Side[2 * row] = from.Side[2 * source];
        to.Side[(2 * row) + 1] = from.Side[(2 * source) + 1];
    }

    /// <summary>Forgets the rows from <paramref name="count"/> on, before anybody else has seen the table; their memory stays with it.</summary>
    internal void KeepRows(long count)
    {
        RowView rows = OpenWrite();
        Debug.Assert(count <= rows.Count, "a table does not grow");
        _rows = new RowView(rows.Rows, rows.Stride, count, rows.Dim, rows.Padded);
        RowCount = count;
    }

    /// <summary>Fills the rows from <paramref name="first"/> to before <paramref name="end"/>.</summary>
    internal void Initialize(long first, long end, Initializer initializer)
    {
        if (Codec == RowCodec.Float32)
        {
            for (long row = first; row < end; row++) initializer.Fill(row, WritableRow(row));
            return;
        }

        float[] values = new float[Dim];
        for (long row = first; row < end; row++)
        {
            initializer.Fill(row, values);
            SetRow(row, values);
        }
    }

    private void CheckNotReadOnly()
    {
        if (IsReadOnly) Throw.InvalidOperation("the table is read-only: it is mapped from a file. Load it to have a copy that can be written.");
    }

    private ref readonly RowView OpenFloats()
    {
        ref readonly RowView rows = ref OpenRead();
        if (Codec != RowCodec.Float32) Throw.InvalidOperation($"the table has {Codec} rows, which are no floats where they lie: use CopyRowTo and SetRow, or convert it.");
        return ref rows;
    }

    private void CheckFinite(long row, float* values)
    {
        if (!RowCodecs.IsAffine(Codec)) return;
        nint column = Elementwise.FirstNonFinite(values, Dim);
        if (column >= 0) Throw.Argument(nameof(values), $"column {column} of row {row} is {values[column]}; {Codec} rows take finite numbers.");
    }

    private static void CheckRow(long row, in RowView rows)
    {
        if ((ulong)row >= (ulong)rows.Count) Throw.RowOutOfRange(nameof(row), row, rows.Count);
    }

    private static Span<float> Row(RowView rows, long row)
    {
        CheckRow(row, rows);
        return new Span<float>(rows.Rows + ((nint)row * rows.Stride), rows.Dim);
    }
}
