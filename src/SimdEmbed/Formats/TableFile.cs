using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using SimdEmbed.Formats;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>
/// An open file of tensors: safetensors, PyTorch, NumPy. What it holds is listed without reading any data, and each tensor is read
/// on its own.
/// </summary>
/// <remarks>
/// Everything the file claims is checked against its length before memory is given to it, and no code in it is ever run. Beside the
/// tables that are loaded, an open file takes at most twice its length and 64 KiB; a PyTorch file, whose tensors are many objects each,
/// 2 KiB more for each storage. A PyTorch file that is nearly all text, without tensors to speak of, is refused by rule <c>pickle-memory</c>. A file
/// may be replaced by renaming another over it at any time; what is open stays what it was. Tensors of 8 MB
/// and more are read from a file on all cores. Not safe for concurrent use.
/// </remarks>
[DebuggerDisplay("{Format}, {Tensors.Count} tensors")]
public sealed unsafe class TableFile : IDisposable
{
    private readonly FileBytes _file;
    private readonly TensorContent _content;
    private readonly LoadOptions _options;
    private bool _isDisposed;

    private TableFile(FileBytes file, TensorContent content, LoadOptions options)
    {
        _file = file;
        _content = content;
        _options = options;
    }

    /// <summary>The format, recognised by content.</summary>
    public TableFileFormat Format => _content.Format;

    /// <summary>The tensors, in the order of the file: of its data in safetensors, of its dicts and lists in PyTorch, of its records in <c>.npz</c>.</summary>
    public IReadOnlyList<TensorInfo> Tensors => _content.Tensors;

    /// <summary>
    /// Text beside the tensors: <c>__metadata__</c> of safetensors; in PyTorch files, numbers and strings by the same names as
    /// tensors: <c>optimizer.param_groups.0.lr</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Metadata => _content.Metadata;

    /// <summary>Opens a file.</summary>
    /// <param name="path">Its path; the name makes no difference.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <returns>The open file, for the caller to dispose.</returns>
    /// <exception cref="TableFormatException">The file is damaged, unsafe, or of no format that is read.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static TableFile Open(string path, LoadOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Open(new FileBytes(path), options);
    }

    /// <summary>Opens what lies between a stream's position and its end.</summary>
    /// <param name="stream">A readable, seekable stream; it stays the caller's, and is not to be used until the file is disposed.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <returns>The open file, for the caller to dispose.</returns>
    /// <exception cref="ArgumentException">The stream cannot seek or read: copy it to a file or into memory first.</exception>
    /// <exception cref="TableFormatException">The content is damaged, unsafe, or of no format that is read.</exception>
    /// <exception cref="IOException">The stream could not be read.</exception>
    public static TableFile Open(Stream stream, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanSeek || !stream.CanRead) Throw.Argument(nameof(stream), "the stream must be able to read and seek; copy it first.");
        return Open(new FileBytes(stream), options);
    }

    /// <summary>Opens a file that is in memory.</summary>
    /// <param name="memory">All of its bytes, which must not change while it is open.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <returns>The open file, for the caller to dispose.</returns>
    /// <exception cref="TableFormatException">The content is damaged, unsafe, or of no format that is read.</exception>
    public static TableFile Open(ReadOnlyMemory<byte> memory, LoadOptions? options = null) => Open(new FileBytes(memory), options);

    /// <summary>Looks for a tensor.</summary>
    /// <param name="name">Its name; case matters.</param>
    /// <param name="tensor">The tensor, or null.</param>
    /// <returns>Whether there is one.</returns>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out TensorInfo? tensor)
    {
        ArgumentNullException.ThrowIfNull(name);
        FormatError error = default;
        return _content.TryFind(name, out tensor, ref error);
    }

    /// <summary>Reads a tensor as a table; nothing else of the file is read.</summary>
    /// <param name="name">
    /// A tensor of floats, of rank 2, or a compact table's codes. Other floats than float32 are converted, doubles by rounding;
    /// <see cref="LoadOptions.KeepHalf"/> keeps half-width ones.
    /// </param>
    /// <param name="options">Limits; null for those the file was opened with.</param>
    /// <returns>
    /// A table <c>[rows, dim]</c> that the caller disposes: float32, or of the codec that it was saved with. Views, transposed ones included,
    /// become dense copies.
    /// </returns>
    /// <exception cref="TableFormatException">The tensor is missing, damaged, too large, or of another type or rank.</exception>
    /// <exception cref="InsufficientMemoryException">The table needs more memory than there is.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public EmbeddingTable LoadTable(string name, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ThrowIfDisposed();
        FormatError error = default;
        if (!_content.TryFind(name, out TensorInfo? tensor, ref error)) throw error.ToException(_file.Name);
        if (tensor.Compact == null && !TableTensors.TryCheck(tensor.View, name, ref error)) throw error.ToException(_file.Name);
        bool isLoaded = tensor.Compact is { } compact
            ? TableTensors.TryLoad(_content, name, compact, options ?? _options, out EmbeddingTable? table, ref error)
            : TableTensors.TryLoad(_content, name, tensor.View, options ?? _options, out table, ref error);
        return isLoaded ? table! : throw error.ToException(_file.Name);
    }

    /// <summary>Whether <see cref="MapTable(string, MapOptions?)"/> can make a table of a tensor.</summary>
    /// <param name="name">Any tensor.</param>
    /// <returns>False for what has to be loaded, and for every tensor of a file in a stream or in memory.</returns>
    /// <exception cref="TableFormatException">The tensor is missing.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public bool CanMapTable(string name) => TableTensors.CanMap(_file, Find(name));

    /// <summary>Reads the only table of the file, whatever its name.</summary>
    /// <param name="options">Limits; null for those the file was opened with.</param>
    /// <returns>As <see cref="LoadTable(string, LoadOptions?)"/>.</returns>
    /// <exception cref="TableFormatException">The file has no table, or more than one; the message has their names.</exception>
    /// <exception cref="InsufficientMemoryException">The table needs more memory than there is.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public EmbeddingTable LoadTable(LoadOptions? options = null) => LoadTable(OnlyTable().Name, options);

    /// <summary>
    /// Makes a table of the file itself: nothing is copied, and rows are read from the disk as they are looked up. Takes a time
    /// that does not depend on the table's size.
    /// </summary>
    /// <remarks>
    /// The file has to stay as it is while the table is in use. Replace it by renaming another one over it, as everything here that
    /// saves does; who cuts it or writes into it changes the rows, or makes the system end the process. A shared lock is held on it.
    /// Rows that do not start on a 64-byte line (<see cref="TensorInfo.Offset"/>) are right, but slower to look up. Sums are not
    /// checked: that is what <see cref="Verify"/> is for. The table stays when the file is disposed.
    /// </remarks>
    /// <param name="name">
    /// A tensor of rank 2 that <see cref="TensorInfo.IsRowMajor"/>, of float32, float16 or bfloat16, or a compact table's codes: what
    /// <see cref="CanMapTable"/>. The table has the codec of the file.
    /// </param>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>A read-only table that the caller disposes.</returns>
    /// <exception cref="TableFormatException">The tensor is missing, of another type, rank or layout, or the file was cut.</exception>
    /// <exception cref="InvalidOperationException">The file was opened from a stream or memory.</exception>
    /// <exception cref="IOException">The file cannot be mapped.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public EmbeddingTable MapTable(string name, MapOptions? options = null)
    {
        TensorInfo tensor = Find(name);
        if (_file.Handle == null) Throw.InvalidOperation("only a table in a file can be mapped, not one in a stream or in memory.");
        FormatError error = default;
        return (tensor.Compact != null || TableTensors.TryCheck(tensor.View, name, ref error))
            && TableTensors.TryMap(_file, tensor, options ?? new MapOptions(), out EmbeddingTable? table, ref error)
            ? table
            : throw error.ToException(_file.Name);
    }

    /// <summary>Maps the only table of the file, whatever its name.</summary>
    /// <param name="options">Null for the defaults.</param>
    /// <returns>As <see cref="MapTable(string, MapOptions?)"/>.</returns>
    /// <exception cref="TableFormatException">The file has no table, or more than one; the message has their names.</exception>
    /// <exception cref="InvalidOperationException">The file was opened from a stream or memory.</exception>
    /// <exception cref="IOException">The file cannot be mapped.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public EmbeddingTable MapTable(MapOptions? options = null) => MapTable(OnlyTable().Name, options);

    /// <summary>Reads a tensor's elements, in row-major order, little-endian, as the type they have.</summary>
    /// <param name="name">Any tensor.</param>
    /// <param name="destination"><see cref="TensorInfo.ByteLength"/> bytes.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    /// <exception cref="TableFormatException">The tensor is missing or damaged.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public void Read(string name, Span<byte> destination)
    {
        TensorView view = Find(name).View;
        Check.Length(nameof(destination), destination.Length, view.ByteLength, "ByteLength");
        FormatError error = default;
        fixed (byte* start = destination)
        {
            if (!TensorReader.TryReadBytes(view, start, ref error)) throw error.ToException(_file.Name);
        }
    }

    /// <summary>Writes a tensor's elements to a stream, in row-major order, little-endian, as the type they have.</summary>
    /// <remarks>A tensor that <see cref="TensorInfo.IsRowMajor"/> goes through a small buffer, whatever its size.</remarks>
    /// <param name="name">Any tensor.</param>
    /// <param name="destination">Where to.</param>
    /// <exception cref="TableFormatException">The tensor is missing or damaged, and part of it may have been written.</exception>
    /// <exception cref="IOException">The file could not be read, or the stream not written.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public void CopyTo(string name, Stream destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        TensorView view = Find(name).View;
        FormatError error = default;
        if (!view.IsContiguous && !_content.TryReserve(name, view, view.ByteLength, _options, ref error)) throw error.ToException(_file.Name);
        if (!TensorReader.TryCopy(view, destination, ref error)) throw error.ToException(_file.Name);
    }

    /// <summary>
    /// Reads what the file has sums for, and compares it with them: CRC-32 of zip records, and the XxHash3 that
    /// <see cref="SafetensorsWriter.IncludeHashes"/> puts into safetensors. Opening and loading check what the format itself asks for.
    /// </summary>
    /// <param name="progress">Is told the bytes read, now and then.</param>
    /// <param name="cancellationToken">Ends the call between two pieces of data.</param>
    /// <returns>How many of the tensors had a sum to compare with.</returns>
    /// <exception cref="TableFormatException">A tensor's bytes are not what they were.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public int Verify(IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        int verified = 0;
        FormatError error = default;
        using HashingStream hash = new(progress, cancellationToken);
        foreach (TensorInfo tensor in Tensors)
        {
            if (!TryVerify(tensor, hash, out bool hasSum, ref error)) throw error.ToException(_file.Name);
            if (hasSum) verified++;
        }

        return verified;
    }

    /// <summary>Writes the tensors to a file of another format, or of the same, and metadata where the format has a place for it.</summary>
    /// <remarks>
    /// The file appears at once or not at all. Types that the format does not have - bfloat16 and 8-bit floats in NumPy - become
    /// float32, which holds all their values; so do the rows of compact tables in all formats but safetensors. Tensors go through a small buffer, but for strided ones, which are gathered first.
    /// </remarks>
    /// <param name="path">Where to; an existing file is replaced, also the one that is open.</param>
    /// <param name="format">Any but <see cref="TableFileFormat.PyTorchLegacy"/>.</param>
    /// <param name="name">The one tensor to write; null for all of them. A <c>.npy</c> holds one.</param>
    /// <param name="progress">Is told the bytes written, now and then.</param>
    /// <param name="cancellationToken">Ends the call between two pieces of data.</param>
    /// <exception cref="ArgumentException">The format cannot hold a tensor's type or name, or their number, or is not written.</exception>
    /// <exception cref="TableFormatException">A tensor is missing or damaged; a file at <paramref name="path"/> is as it was.</exception>
    /// <exception cref="IOException">A file could not be read or written; one at <paramref name="path"/> is as it was.</exception>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled; a file at <paramref name="path"/> is as it was.</exception>
    public void SaveAs(
        string path,
        TableFileFormat format,
        string? name = null,
        IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ThrowIfDisposed();
        bool keepsCodes = format == TableFileFormat.Safetensors;
        IReadOnlyList<TensorInfo> tensors = Tensors;
        if (name != null)
        {
            TensorInfo named = Find(name);
            tensors = keepsCodes && named.Compact != null ? [named, Find(name + CompactRows.PairsSuffix)] : [named];
        }

        List<TensorSource> sources = new(tensors.Count);
        foreach (TensorInfo tensor in tensors)
        {
            if (!keepsCodes && tensor.Compact is { } compact)
            {
                long[] shape = [tensor.Shape[0], compact.Dim];
                sources.Add(new TensorSource(tensor.Name, TensorDtype.Float32, shape, shape[0] * shape[1] * sizeof(float), output => WriteDecoded(tensor.Name, output)));
            }
            else if (keepsCodes || name != null || !tensor.IsPart)
            {
                // Scales and biases are in the decoded rows, unless they alone are asked for.
                sources.Add(TensorFileWriter.Source(tensor, format, Write));
            }
        }

        TensorFileWriter.Save(path, format, sources, Metadata, progress, cancellationToken);

        void WriteDecoded(string codes, Stream output)
        {
            using EmbeddingTable table = LoadTable(codes);
            float[] row = new float[table.Dim];
            for (long i = 0; i < table.RowCount; i++)
            {
                table.CopyRowTo(i, row);
                output.Write(MemoryMarshal.AsBytes(row.AsSpan()));
            }
        }

        void Write(TensorInfo tensor, bool asFloats, Stream output)
        {
            TensorView view = tensor.View;
            FormatError error = default;
            long bytes = asFloats ? view.Count * sizeof(float) : view.ByteLength;
            bool isDone = (view.IsContiguous || _content.TryReserve(tensor.Name, view, bytes, _options, ref error))
                && (asFloats ? TensorReader.TryCopyFloats(view, output, ref error) : TensorReader.TryCopy(view, output, ref error));
            if (!isDone) throw error.ToException(_file.Name);
        }
    }

    /// <summary>Closes the file. Tables that were loaded stay.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (TensorInfo tensor in Tensors) tensor.View.Bytes.Dispose();
        _file.Dispose();
    }

    /// <summary>What errors call the file.</summary>
    internal string Path => _file.Name;

    internal static TableFile Open(FileBytes file, LoadOptions? options)
    {
        bool isOpen = false;
        try
        {
            FormatError error = default;
            options ??= new LoadOptions();
            file.MaxBytes = options.MaxBytes;
            if (!TensorContent.TryOpen(file, out TensorContent? content, ref error)) throw error.ToException(file.Name);
            isOpen = true;
            return new TableFile(file, content, options);
        }
        finally
        {
            if (!isOpen) file.Dispose();
        }
    }

    /// <summary>Compares one tensor with the sum there is of it; safe on several threads for different tensors of a safetensors file.</summary>
    internal bool TryVerify(TensorInfo tensor, HashingStream hash, out bool hasSum, ref FormatError error)
    {
        hasSum = tensor.View.Bytes.HasSum;
        if (!tensor.View.Bytes.TryVerify(ref error)) return false;
        string? expected = Format == TableFileFormat.Safetensors
            ? Metadata.GetValueOrDefault(SafetensorsWriter.HashPrefix + tensor.Name)
            : null;
        if (expected == null) return true;
        hasSum = true;
        hash.Restart();
        if (!TensorReader.TryCopy(tensor.View, hash, ref error)) return false;
        if (expected == hash.HashText) return true;
        return error.Fail(
            "tensor-hash",
            tensor.View.Place,
            $"tensor {FormatError.Quote(tensor.Name)} has XxHash3 {hash.HashText}; "
                + $"expected {FormatError.Quote(expected)}: the file is damaged");
    }

    private TensorInfo Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        ThrowIfDisposed();
        FormatError error = default;
        return _content.TryFind(name, out TensorInfo? tensor, ref error) ? tensor : throw error.ToException(_file.Name);
    }

    private TensorInfo OnlyTable()
    {
        ThrowIfDisposed();
        FormatError error = default;
        return _content.TryFindOnlyTable(out TensorInfo? tensor, ref error) ? tensor : throw error.ToException(_file.Name);
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed) Throw.Disposed(nameof(TableFile));
    }
}
