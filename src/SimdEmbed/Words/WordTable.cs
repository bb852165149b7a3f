using System.Diagnostics;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>A table and the words of its rows. It owns the table and disposes it.</summary>
[DebuggerDisplay("{Vocabulary.Count} words x {Table.Dim}")]
public sealed class WordTable : IDisposable
{
    /// <summary>Puts words to a table's rows.</summary>
    /// <param name="table">The table; this object disposes it from now on, also when the constructor throws.</param>
    /// <param name="vocabulary">As many words as the table has rows.</param>
    /// <exception cref="ArgumentException">The table has another number of rows.</exception>
    public WordTable(EmbeddingTable table, Vocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(table);
        if (vocabulary == null) table.Dispose();
        ArgumentNullException.ThrowIfNull(vocabulary);
        if (table.RowCount != vocabulary.Count)
        {
            table.Dispose();
            Throw.Argument(nameof(vocabulary), $"The vocabulary has {vocabulary.Count} words; the table has {table.RowCount} rows.");
        }

        Table = table;
        Vocabulary = vocabulary;
    }

    /// <summary>The vectors: row <c>i</c> is that of word <c>i</c>.</summary>
    public EmbeddingTable Table { get; }

    /// <summary>The words.</summary>
    public Vocabulary Vocabulary { get; }

    /// <summary>
    /// Makes a table for another vocabulary: words both have keep their rows, bit for bit, and row <c>i</c> of a new word is what
    /// <paramref name="initializer"/> makes of <c>i</c>.
    /// </summary>
    /// <param name="target">The words of the new table.</param>
    /// <param name="initializer">Where the values of new words come from.</param>
    /// <param name="report">How many words were kept, added and dropped.</param>
    /// <returns>A table with <paramref name="target"/> that the caller disposes; this one stays as it is.</returns>
    /// <exception cref="ArgumentException">A new word's values are not finite and go to integer codes.</exception>
    /// <exception cref="InsufficientMemoryException">The rows need more memory than there is.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public WordTable Remap(Vocabulary target, Initializer initializer, out RemapReport report)
    {
        ArgumentNullException.ThrowIfNull(target);
        _ = Table.OpenRead();
        EmbeddingTable remapped = new(target.Count, Table.Dim, Table.Codec);
        float[] values = new float[Table.Dim];
        int kept = 0;
        for (int index = 0; index < target.Count; index++)
        {
            int source = Vocabulary.IndexOf(target.GetUtf8(index));
            if (source == Vocabulary.Unknown)
            {
                initializer.Fill(index, values);
                remapped.SetRow(index, values);
                continue;
            }

            kept++;
            remapped.CopyRowFrom(Table, source, index);
        }

        GC.KeepAlive(Table);
        report = new RemapReport { Kept = kept, Added = target.Count - kept, Dropped = Vocabulary.Count - kept };
        return new WordTable(remapped, target);
    }

    /// <summary>Disposes the table.</summary>
    public void Dispose() => Table.Dispose();
}

/// <summary>What a <see cref="WordTable.Remap"/> did.</summary>
public sealed record RemapReport
{
    /// <summary>Words of both vocabularies, whose rows were copied.</summary>
    public required int Kept { get; init; }

    /// <summary>Words of the new vocabulary alone, whose rows were initialised.</summary>
    public required int Added { get; init; }

    /// <summary>Words of the old vocabulary alone.</summary>
    public required int Dropped { get; init; }
}
