using SimdEmbed.Formats;

namespace SimdEmbed;

/// <summary>
/// Reads and writes PyTorch's <c>.pth</c> files, those of <c>torch.save(model.state_dict(), path)</c> since PyTorch 1.6.
/// </summary>
/// <remarks>
/// A file is data here: the pickle inside may only build plain containers and tensors, whatever else it names is refused by name
/// and never run. Everything is checked before memory is given to it, checksums included.
/// </remarks>
public static class PyTorchCheckpoint
{
    /// <summary>
    /// Writes the tables as tensors of shape <c>[RowCount, Dim]</c>, float32, or float16 or bfloat16 where their rows are, so that
    /// <c>torch.load(path, weights_only=True)</c> gives the <c>OrderedDict</c> that <c>load_state_dict</c> takes.
    /// </summary>
    /// <remarks>
    /// The file appears at once or not at all: it is written beside its place, flushed to the disk, and renamed over an old one.
    /// The same tables under the same names and file name give the same bytes. A table under two names is stored once.
    /// </remarks>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="tables">Any number of tables; their rows must not change during the call.</param>
    /// <exception cref="ArgumentException">
    /// <paramref name="path"/> is empty, a table's rows are integer codes, or a name is no valid Unicode or longer than 4096 characters.
    /// </exception>
    /// <exception cref="ObjectDisposedException">A table was disposed.</exception>
    /// <exception cref="IOException">The file could not be written; an old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static void Save(string path, StateDict tables)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tables);
        PyTorchWriter writer = PyTorchWriter.Of(tables);
        FileReplacement.Write(path, stream => writer.Write(stream, Path.GetFileNameWithoutExtension(path)));
        GC.KeepAlive(tables);
    }

    /// <summary>Reads one table of a state_dict.</summary>
    /// <param name="path">A file that <c>torch.save</c> or <see cref="Save"/> wrote.</param>
    /// <param name="key">
    /// The name of a tensor of rank 2, of floats; others than float32 are converted. Of dicts in dicts, the names joined by dots:
    /// <c>model.emb.weight</c>; a name that itself contains the dots comes first.
    /// </param>
    /// <returns>A table <c>[rows, dim]</c> that the caller disposes. Views, transposed ones included, become dense copies.</returns>
    /// <exception cref="TableFormatException">
    /// The file is damaged, unsafe or of another kind, or the tensor is missing or of another type or shape.
    /// </exception>
    /// <exception cref="InsufficientMemoryException">The table needs more memory than there is.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static EmbeddingTable LoadTable(string path, string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(key);
        using FileBytes file = new(path);
        FormatError error = default;
        return PyTorchReader.TryOpen(file, out PyTorchContent? content, ref error)
            && StateDictTensors.TryFind(content.Root, key, out TorchTensor? tensor, ref error)
            && TableTensors.TryCheck(tensor.ToView(), key, ref error)
            && TableTensors.TryLoad(content, key, tensor.ToView(), new LoadOptions(), out EmbeddingTable? table, ref error)
            ? table
            : throw error.ToException(path);
    }

    /// <summary>Reads every tensor of rank 2, of floats, in a state_dict, or in the dicts inside a training checkpoint.</summary>
    /// <remarks>
    /// Names are as in <see cref="LoadTable"/>. Tensors of other types and ranks, those without columns, and everything in lists
    /// are left out. Tensors that are one view of one storage become one table under several names; a dict that stands in
    /// two places is listed at the first.
    /// </remarks>
    /// <param name="path">A file that <c>torch.save</c> or <see cref="Save"/> wrote.</param>
    /// <returns>The tables in the order of the file; disposing it disposes them.</returns>
    /// <exception cref="TableFormatException">
    /// The file is damaged, unsafe or of another kind, or holds something else than a dict.
    /// </exception>
    /// <exception cref="InsufficientMemoryException">The tables need more memory than there is.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static StateDict Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileBytes file = new(path);
        FormatError error = default;
        return PyTorchReader.TryOpen(file, out PyTorchContent? content, ref error)
            && TableTensors.TryLoadAll(content, out StateDict? tables, ref error)
            ? tables
            : throw error.ToException(path);
    }
}
