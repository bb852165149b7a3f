using System.Diagnostics;
using System.Text;
using System.Text.Unicode;
using CommunityToolkit.HighPerformance.Buffers;
using SimdEmbed.Internals;
using SimdEmbed.Words;

namespace SimdEmbed;

/// <summary>
/// Words and their indices, both ways: word <c>i</c> is the key of row <c>i</c> of a table. Looking a word up allocates nothing,
/// given as text or as UTF-8.
/// </summary>
/// <remarks>
/// Words are kept as the bytes they came as, so that a file whose words are not all valid UTF-8 is looked up and written as it
/// is. Two words are equal when their bytes are: nothing is normalised, and case matters. Immutable, and safe on any threads.
/// </remarks>
[DebuggerDisplay("{Count} words")]
public sealed class Vocabulary
{
    /// <summary>What <see cref="IndexOf(ReadOnlySpan{char})"/> gives for a word that is not there.</summary>
    public const int Unknown = -1;

    private const int StackChars = 128;
    private const int BytesPerChar = 3;

    private readonly WordKeys _keys;
    private string?[]? _strings;

    internal Vocabulary(WordKeys keys)
    {
        keys.Trim();
        _keys = keys;
    }

    /// <summary>Creates a vocabulary whose word <c>i</c> is the i-th of <paramref name="words"/>.</summary>
    /// <param name="words">The words, each once.</param>
    /// <exception cref="ArgumentException">A word occurs twice, is empty, or is not valid Unicode; the message has its position.</exception>
    public Vocabulary(IEnumerable<string> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        _keys = new WordKeys(words is IReadOnlyCollection<string> counted ? counted.Count : 0, 0);
        int position = 0;
        foreach (string word in words)
        {
            if (string.IsNullOrEmpty(word)) Throw.Argument(nameof(words), $"words[{position}] is empty.");
            byte[] utf8 = new byte[Encoding.UTF8.GetMaxByteCount(word.Length)];
            if (!TryEncode(word, utf8, out int length)) Throw.Argument(nameof(words), $"words[{position}] is not valid Unicode.");
            if (!_keys.Add(utf8.AsSpan(0, length))) Throw.Argument(nameof(words), $"words[{position}] = '{word}' occurs twice.");
            position++;
        }

        _keys.Trim();
    }

    /// <summary>The number of words.</summary>
    public int Count => _keys.Count;

    /// <summary>Every word's bytes, one after the other.</summary>
    internal ReadOnlySpan<byte> Bytes => _keys.Bytes;

    /// <summary>Where each word starts in <see cref="Bytes"/>, and where the last one ends.</summary>
    internal ReadOnlySpan<int> Starts => _keys.Starts;

    /// <summary>The index of a word.</summary>
    /// <param name="word">The word; text that is not valid Unicode is no word.</param>
    /// <returns>
    /// 0 to <see cref="Count"/> - 1, or <see cref="Unknown"/>. That is no row of any table: an embedding does with it what its
    /// <see cref="EmbeddingOptions.UnknownIndices"/> says.
    /// </returns>
    public int IndexOf(ReadOnlySpan<char> word)
    {
        if (WordKey.TryCreate(word, out WordKey key)) return _keys.IndexOf(key);
        if (word.Length > StackChars) return IndexOfLong(word);
        Span<byte> utf8 = stackalloc byte[StackChars * BytesPerChar];
        return TryEncode(word, utf8, out int length) ? IndexOf(utf8[..length]) : Unknown;
    }

    /// <summary>The index of a word in UTF-8, or in whatever bytes its file had.</summary>
    /// <param name="utf8Word">The bytes of the word.</param>
    /// <returns>0 to <see cref="Count"/> - 1, or <see cref="Unknown"/>.</returns>
    public int IndexOf(ReadOnlySpan<byte> utf8Word) => _keys.IndexOf(utf8Word);

    /// <summary>The indices of many words: <c>destination[i] = IndexOf(words[i])</c>.</summary>
    /// <param name="words">The words.</param>
    /// <param name="destination">As many as there are words.</param>
    /// <returns>How many were <see cref="Unknown"/>.</returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    public int IndicesOf(ReadOnlySpan<string> words, Span<int> destination)
    {
        Check.Length(nameof(destination), destination.Length, words.Length, "as many as words");
        int unknown = 0;
        for (int i = 0; i < words.Length; i++)
        {
            destination[i] = IndexOf(words[i].AsSpan());
            if (destination[i] == Unknown) unknown++;
        }

        return unknown;
    }

    /// <summary>The word at an index as text, made when it is first asked for and kept.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <returns>The word; what is not valid UTF-8 in it reads as U+FFFD.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is no word's.</exception>
    public string GetWord(int index)
    {
        ReadOnlySpan<byte> word = GetUtf8(index);
        string?[] strings = _strings ??= new string?[Count];
        return strings[index] ??= Encoding.UTF8.GetString(word);
    }

    /// <summary>The word at an index as it came: UTF-8, if its file was valid.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <returns>Its bytes, where they lie.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is no word's.</exception>
    public ReadOnlySpan<byte> GetUtf8(int index)
    {
        if ((uint)index >= (uint)Count) Throw.OutOfRange(nameof(index), index, $"0 to {Count - 1}");
        return _keys[index];
    }

    private int IndexOfLong(ReadOnlySpan<char> word)
    {
        if (word.Length > Array.MaxLength / BytesPerChar) return Unknown;
        using SpanOwner<byte> utf8 = SpanOwner<byte>.Allocate(word.Length * BytesPerChar);
        return TryEncode(word, utf8.Span, out int length) ? IndexOf(utf8.Span[..length]) : Unknown;
    }

    private static bool TryEncode(ReadOnlySpan<char> word, Span<byte> utf8, out int length) =>
        Utf8.FromUtf16(word, utf8, out _, out length, replaceInvalidSequences: false) == System.Buffers.OperationStatus.Done;
}
