namespace SimdEmbed.Words;

/// <summary>Collects words in the order of their indices.</summary>
internal sealed class VocabularyBuilder
{
    private readonly WordKeys _keys;
    private readonly HashSet<int> _set;
    private readonly HashSet<int>.AlternateLookup<ReadOnlySpan<byte>> _words;

    /// <param name="words">How many are expected; more may come.</param>
    /// <param name="bytes">How many bytes they are expected to have together.</param>
    public VocabularyBuilder(int words, int bytes)
    {
        _keys = new WordKeys(words, bytes);
        _set = new HashSet<int>(words, _keys);
        _words = _set.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public int Count => _keys.Count;

    /// <summary>Gives the word the next index; false when it has one already.</summary>
    public bool Add(ReadOnlySpan<byte> word) => _words.Add(word);

    public (WordKeys Keys, HashSet<int> Set) Finish()
    {
        _keys.Trim();
        return (_keys, _set);
    }
}
