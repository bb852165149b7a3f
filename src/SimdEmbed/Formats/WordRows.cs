using System.Diagnostics.CodeAnalysis;
using SimdEmbed.Kernels;
using SimdEmbed.Words;

namespace SimdEmbed.Formats;

/// <summary>A table and a vocabulary while a file fills them.</summary>
internal sealed unsafe class WordRows : IDisposable
{
    private const long FreeBytes = 1 << 24;
    private const long CompressedFactor = 100;

    /// <summary>Beside its numbers a word takes up to 52 bytes: a promise alone is to get no more than the file is long, and a third.</summary>
    private const long LeastBytesPerWord = 40;
    private const int LikelyWordLength = 8;

    private readonly EmbeddingTable _table;
    private readonly WordKeys _words;
    private readonly RowView _rows;
    private bool _isTaken;

    private WordRows(long capacity, int dim, int words)
    {
        Capacity = capacity;
        _words = new WordKeys(words, words * LikelyWordLength);
        _table = new EmbeddingTable(capacity, dim);
        _rows = _table.OpenWrite();
    }

    /// <summary>How many rows there is room for.</summary>
    public long Capacity { get; }

    public int Count => _words.Count;

    public long Duplicates { get; private set; }

    /// <summary>Refuses more rows than the file can be trusted with, before there is memory for any.</summary>
    public static bool TryCreate(WordSource source, WordHead head, long rows, WordOptions options, [NotNullWhen(true)] out WordRows? made, ref FormatError error)
    {
        made = null;
        UInt128 bytes = (UInt128)rows * (UInt128)head.Dim * sizeof(float);
        UInt128 limit = options.MaxBytes is long most ? (UInt128)long.Max(most, 0)
            : source.IsCompressed ? ((UInt128)source.FileLength * CompressedFactor) + FreeBytes
            : UInt128.MaxValue;
        if (bytes > limit)
        {
            return error.Fail("word-bytes", 0, $"its {rows} rows of {head.Dim} columns take {bytes} bytes; MaxBytes allows {limit}");
        }

        if (rows > WordKeys.MostWords) return error.Fail("word-rows", 0, $"it has {rows} rows; at most {WordKeys.MostWords} are read");
        int words = source.IsCompressed ? 0 : (int)long.Min(rows, long.Min(source.FileLength / LeastBytesPerWord, Array.MaxLength / LikelyWordLength));
        made = new WordRows(rows, head.Dim, words);
        return true;
    }

    /// <summary>Row <paramref name="row"/>, to be filled.</summary>
    public Span<float> this[int row] => new(_rows.Rows + (row * _rows.Stride), _rows.Dim);

    /// <summary>Gives the word the next row; -1 when it has one already.</summary>
    public int Add(ReadOnlySpan<byte> word)
    {
        if (_words.Add(word)) return _words.Count - 1;
        Duplicates++;
        return -1;
    }

    /// <summary>Hands the table over.</summary>
    public WordTable Finish()
    {
        _table.KeepRows(Count);
        WordTable finished = new(_table, new Vocabulary(_words));
        _isTaken = true;
        return finished;
    }

    public void Dispose()
    {
        if (!_isTaken) _table.Dispose();
    }
}
