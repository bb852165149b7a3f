using System.Collections;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>Tables by name, in order: PyTorch's <c>state_dict</c>.</summary>
/// <remarks>
/// One that <see cref="PyTorchCheckpoint.Load"/> returns owns the tables it came with and disposes them, also those that were
/// replaced since. A table that is put in by hand stays the caller's, so a dictionary built to be saved needs no disposal.
/// Not safe for concurrent use.
/// </remarks>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "PyTorch's word.")]
[DebuggerDisplay("Count = {Count}")]
public sealed class StateDict : IReadOnlyCollection<KeyValuePair<string, EmbeddingTable>>, IDisposable
{
    private readonly List<EmbeddingTable> _owned = [];
    private OrderedDictionary<string, EmbeddingTable>? _tables = new(StringComparer.Ordinal);

    /// <summary>The number of names.</summary>
    /// <exception cref="ObjectDisposedException">The dictionary was disposed.</exception>
    public int Count => Tables.Count;

    /// <summary>The names, in order.</summary>
    /// <exception cref="ObjectDisposedException">The dictionary was disposed.</exception>
    public IReadOnlyCollection<string> Names => Tables.Keys;

    private OrderedDictionary<string, EmbeddingTable> Tables
    {
        get
        {
            if (_tables == null) Throw.Disposed(nameof(StateDict));
            return _tables;
        }
    }

    /// <summary>The table called <paramref name="name"/>. Setting a new name appends it; setting an old one keeps its place.</summary>
    /// <param name="name">Case matters. A table may stand under several names; it is then saved once.</param>
    /// <exception cref="KeyNotFoundException">There is no such name.</exception>
    /// <exception cref="ArgumentNullException">The name or the table is null.</exception>
    /// <exception cref="ObjectDisposedException">The dictionary was disposed.</exception>
    public EmbeddingTable this[string name]
    {
        get => Tables.TryGetValue(name, out EmbeddingTable? table)
            ? table
            : throw new KeyNotFoundException($"there is no table '{name}'; there are {Tables.Count}: {string.Join(", ", Tables.Keys)}.");
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            Tables[name] = value;
        }
    }

    /// <summary>Looks for the table called <paramref name="name"/>.</summary>
    /// <param name="name">Case matters.</param>
    /// <param name="table">The table, or null.</param>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="ObjectDisposedException">The dictionary was disposed.</exception>
    public bool TryGetTable(string name, [MaybeNullWhen(false)] out EmbeddingTable table) => Tables.TryGetValue(name, out table);

    /// <summary>Goes through names and tables, in order.</summary>
    /// <returns>An enumerator.</returns>
    /// <exception cref="ObjectDisposedException">The dictionary was disposed.</exception>
    public IEnumerator<KeyValuePair<string, EmbeddingTable>> GetEnumerator() => Tables.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Disposes the tables it owns. Every member throws from now on; a second call does nothing.</summary>
    public void Dispose()
    {
        _tables = null;
        foreach (EmbeddingTable table in _owned) table.Dispose();
        _owned.Clear();
    }

    /// <summary>Takes a table over: from now on it is disposed with this dictionary.</summary>
    internal void Own(EmbeddingTable table) => _owned.Add(table);
}
