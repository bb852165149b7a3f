using System.Diagnostics.CodeAnalysis;
using SimdEmbed.Formats;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>Reads and writes files of words and their vectors: word2vec, binary and text, GloVe, and fastText's <c>.vec</c>.</summary>
/// <remarks>
/// Words are bytes up to a space, whatever they are in; in a text file a word may contain spaces, so that the last
/// <c>dim</c> fields of a line are its numbers. Of a word that occurs twice the first occurrence is kept. Text files are
/// parsed on several threads, a block of lines at a time, and numbers are rounded as <see cref="float.Parse(string)"/> rounds them. A file
/// may be gzip: one that is cut off, or that more follows, is refused.
/// </remarks>
public static class WordVectors
{
    private const int BufferBytes = 1 << 16;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How to read it; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the call between two blocks of the file.</param>
    /// <returns>The vectors and their words, which the caller disposes.</returns>
    /// <exception cref="TableFormatException">
    /// The file is malformed or of another kind; a malformed line of text is named by its number, <see cref="TableFormatException.Line"/>.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The format of <paramref name="options"/> is not defined, or their degree is negative.</exception>
    /// <exception cref="InsufficientMemoryException">The rows need more memory than there is.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static WordTable Load(string path, WordOptions? options = null, CancellationToken cancellationToken = default) =>
        Load(path, options, out _, cancellationToken);

    /// <summary>Reads a file, and says what was found in it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How to read it; null for the defaults.</param>
    /// <param name="report">What the file was, and what was passed over.</param>
    /// <param name="cancellationToken">Ends the call between two blocks of the file.</param>
    /// <returns>The vectors and their words, which the caller disposes.</returns>
    /// <exception cref="TableFormatException">As of the other overload.</exception>
    /// <exception cref="ArgumentOutOfRangeException">As of the other overload.</exception>
    /// <exception cref="InsufficientMemoryException">The rows need more memory than there is.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <exception cref="IOException">The file could not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static WordTable Load(string path, WordOptions? options, out WordReport report, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= WordOptions.Default;
        if (options.Degree < 0) Throw.OutOfRange(nameof(options), options.Degree, "a Degree of 0 or more");
        if (options.Format is WordFormat format && !Enum.IsDefined(format)) Throw.OutOfRange(nameof(options), format, "a defined WordFormat");
        FormatError error = default;
        if (!TryLoad(() => Open(path), options, out WordTable? table, out WordReport? found, ref error, cancellationToken)) throw error.ToException(path);
        report = found;
        return table;
    }

    /// <summary>Writes a table and its words. In text, a number is the shortest that reads back to the same float.</summary>
    /// <remarks>The file appears at once or not at all, as <see cref="PyTorchCheckpoint.Save"/> describes.</remarks>
    /// <param name="path">Where to; an existing file is replaced.</param>
    /// <param name="words">The words and their rows, of any codec, which must not change during the call.</param>
    /// <param name="format">What to write.</param>
    /// <param name="progress">Is told the bytes written, now and then.</param>
    /// <param name="cancellationToken">Ends the call between two rows; an old file is as it was.</param>
    /// <exception cref="ArgumentException">
    /// A word would not come back as it is: it is empty or too long, contains a space or line feed where the format has no place for one, or is
    /// the first of a GloVe file and begins with a byte order mark. The table has no columns, or, for GloVe, no rows.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="format"/> is not defined.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <exception cref="IOException">The file could not be written; an old one is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static void Save(string path, WordTable words, WordFormat format, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(words);
        if (!Enum.IsDefined(format)) Throw.OutOfRange(nameof(format), format, "a defined WordFormat");
        EmbeddingTable table = words.Table;
        Vocabulary vocabulary = words.Vocabulary;
        _ = table.OpenRead();
        if (table.Dim == 0) Throw.Argument(nameof(words), "The table has no columns, which no file of words can hold.");
        if (format == WordFormat.GloVe && vocabulary.Count == 0) Throw.Argument(nameof(words), "A GloVe file without rows does not say how many columns it has.");
        for (int i = 0; i < vocabulary.Count; i++)
        {
            ReadOnlySpan<byte> word = vocabulary.GetUtf8(i);
            bool isWritten = format == WordFormat.Word2VecBinary ? Word2VecBinary.CanWrite(word) : WordText.CanWrite(word, format);

            // In front of all else it is a mark of the file, no part of the first word.
            bool isMarked = format == WordFormat.GloVe && i == 0 && word.StartsWith("\uFEFF"u8);
            if (isWritten && !isMarked) continue;
            Throw.Argument(nameof(words), $"Word {i}, {FormatError.Quote(vocabulary.GetWord(i))}, would not come back from a {format} file: it is empty, too long, or has a space or line feed, or a byte order mark in front.");
        }

        FileReplacement.Write(path, stream =>
        {
            // Numbers are a few bytes each: progress is told of whole buffers.
            using BufferedStream buffered = new(new ProgressStream(stream, progress, cancellationToken), BufferBytes);
            if (format == WordFormat.Word2VecBinary) Word2VecBinary.Write(buffered, table, vocabulary, cancellationToken);
            else WordText.Write(buffered, table, vocabulary, hasHeader: format == WordFormat.Word2VecText, cancellationToken);
        });
        GC.KeepAlive(words);
    }

    /// <param name="open">Opens the file at its start, up to three times.</param>
    /// <param name="options">How to read.</param>
    /// <param name="table">The vectors and their words.</param>
    /// <param name="report">What was found.</param>
    /// <param name="error">What is wrong.</param>
    /// <param name="cancellationToken">Ends the call between two blocks.</param>
    internal static bool TryLoad(
        Func<Stream> open,
        WordOptions options,
        [NotNullWhen(true)] out WordTable? table,
        [NotNullWhen(true)] out WordReport? report,
        ref FormatError error,
        CancellationToken cancellationToken)
    {
        table = null;
        report = null;
        WordHead? head;
        bool isCompressed;
        using (WordSource source = new(open()))
        {
            isCompressed = source.IsCompressed;
            if (!WordHead.TryRead(source, options.Format, out head, ref error)) return false;
        }

        long counted = 0;
        if (head.Rows == null)
        {
            using WordSource source = new(open());
            if (!WordText.TryCount(source, head, options, cancellationToken, out counted, ref error)) return false;
        }

        long duplicates;
        long skipped = 0;
        FormatError firstSkipped = default;
        using (WordSource source = new(open()))
        {
            bool isLoaded = head.Format == WordFormat.Word2VecBinary
                ? Word2VecBinary.TryLoad(source, head, options, cancellationToken, out table, out duplicates, ref error)
                : WordText.TryLoad(source, head, counted, options, cancellationToken, out table, out duplicates, out skipped, out firstSkipped, ref error);
            if (!isLoaded || table == null) return false;
        }

        report = new WordReport
        {
            Format = head.Format,
            IsCompressed = isCompressed,
            PromisedRows = head.Rows,
            Duplicates = duplicates,
            SkippedLines = skipped,
            FirstSkipped = firstSkipped.Message,
        };
        return true;
    }

    private static FileStream Open(string path) => new(
        path, new FileStreamOptions { Share = FileShare.Read | FileShare.Delete, BufferSize = 0, Options = FileOptions.SequentialScan });
}
