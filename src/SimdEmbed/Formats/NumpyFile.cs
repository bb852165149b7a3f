using System.Collections.Frozen;
using SimdEmbed.Formats;

namespace SimdEmbed;

/// <summary>Writes NumPy's <c>.npy</c> and <c>.npz</c>; <see cref="TableFile"/> reads them.</summary>
/// <remarks>The file appears at once or not at all: it is written beside its place, flushed to the disk, and renamed over an old one.</remarks>
public static class NumpyFile
{
    /// <summary>Writes a table as an array <c>[RowCount, Dim]</c> of float32, or of float16 where its rows are: <c>numpy.save(path, table)</c>.</summary>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="table">Its rows must not change during the call.</param>
    /// <exception cref="ArgumentException"><paramref name="path"/> is empty, or the rows are neither float32 nor float16.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    /// <exception cref="IOException">The file could not be written; an old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static void Save(string path, EmbeddingTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        Save(path, TableFileFormat.Npy, [TensorSource.Of("", table)]);
    }

    /// <summary>Writes tables as named arrays, not compressed: <c>numpy.savez(path, **tables)</c>.</summary>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="tables">Any number of tables; their rows must not change during the call.</param>
    /// <exception cref="ArgumentException">
    /// <paramref name="path"/> is empty, a table's rows are neither float32 nor float16, or a name is no valid Unicode or too long.
    /// </exception>
    /// <exception cref="ObjectDisposedException">A table was disposed.</exception>
    /// <exception cref="IOException">The file could not be written; an old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static void Save(string path, StateDict tables)
    {
        ArgumentNullException.ThrowIfNull(tables);
        List<TensorSource> sources = new(tables.Count);
        foreach ((string name, EmbeddingTable table) in tables) sources.Add(TensorSource.Of(name, table));
        Save(path, TableFileFormat.Npz, sources);
    }

    private static void Save(string path, TableFileFormat format, List<TensorSource> sources)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        TensorFileWriter.Save(path, format, sources, FrozenDictionary<string, string>.Empty, null, CancellationToken.None);
    }
}
