using System.Globalization;
using System.Text;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Words;

/// <summary>Words to indices and back, and a table moved to other words.</summary>
public sealed class VocabularyTests
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    public static TheoryData<int> Lengths => [.. Enumerable.Range(1, 30)];

    /// <summary>The key of a short word is made of overlapping parts: every byte of every length must count.</summary>
    [Theory]
    [MemberData(nameof(Lengths))]
    public void Words_that_differ_in_one_character_are_two(int length)
    {
        string word = Alphabet[..length];
        string[] words = [word, .. Enumerable.Range(0, length).SelectMany(i => (string[])[Changed(word, i, '\0'), Changed(word, i, '~'), Changed(word, i, 'é')])];
        Vocabulary vocabulary = new(words);
        for (int i = 0; i < words.Length; i++)
        {
            Assert.Equal(i, vocabulary.IndexOf(words[i]));
            Assert.Equal(i, vocabulary.IndexOf(Encoding.UTF8.GetBytes(words[i])));
        }

        for (int i = 0; i < length; i++)
        {
            string other = Changed(word, i, 'ſ');
            Assert.Equal(Vocabulary.Unknown, vocabulary.IndexOf(other));
            Assert.Equal(Vocabulary.Unknown, vocabulary.IndexOf(Encoding.UTF8.GetBytes(other)));

            // A character whose low byte is that of the letter.
            Assert.Equal(Vocabulary.Unknown, vocabulary.IndexOf(Changed(word, i, (char)(word[i] | 0x4e00))));
        }

        Assert.Equal(Vocabulary.Unknown, vocabulary.IndexOf(Alphabet.AsSpan(0, length + 1)));
        Assert.Equal(Vocabulary.Unknown, vocabulary.IndexOf(Alphabet.AsSpan(0, length - 1)));

        static string Changed(string word, int at, char to) => string.Concat(word.AsSpan(0, at), [to], word.AsSpan(at + 1));
    }

    [Fact]
    public void Words_are_found_as_text_and_as_UTF8()
    {
        string[] words = [.. Enumerable.Range(0, 5000).Select(i => i.ToString(CultureInfo.InvariantCulture) + "ä"), "b", "日本", "🙂", new string('x', 5000), "A", "a"];
        Vocabulary vocabulary = new(words);
        Assert.Equal(words.Length, vocabulary.Count);
        for (int i = 0; i < words.Length; i++)
        {
            Assert.Equal(i, vocabulary.IndexOf(words[i]));
            Assert.Equal(i, vocabulary.IndexOf(Encoding.UTF8.GetBytes(words[i])));
            Assert.Equal(words[i], vocabulary.GetWord(i));
            Assert.Equal(Encoding.UTF8.GetBytes(words[i]), vocabulary.GetUtf8(i).ToArray());
        }

        Assert.Equal(Vocabulary.Unknown, vocabulary.IndexOf("c"));
        Assert.Equal(Vocabulary.Unknown, vocabulary.IndexOf(""));
        Assert.Equal(Vocabulary.Unknown, vocabulary.IndexOf("\ud83d"));
        Assert.Equal(Vocabulary.Unknown, vocabulary.IndexOf(new string('y', 100_000)));
        Assert.Equal(Vocabulary.Unknown, new Vocabulary([]).IndexOf("a"));
        Assert.Throws<ArgumentOutOfRangeException>(() => vocabulary.GetWord(words.Length));
        Assert.Throws<ArgumentOutOfRangeException>(() => vocabulary.GetWord(-1));
    }

    [Theory]
    [InlineData("a", "b", "a")]
    [InlineData("a", "", "b")]
    [InlineData("a", null, "b")]
    public void Words_that_are_not_unique_text_are_refused(string first, string? second, string third) =>
        Assert.Contains("words[", Assert.Throws<ArgumentException>(() => new Vocabulary([first, second!, third])).Message, StringComparison.Ordinal);

    [Fact]
    public void Half_a_character_is_no_word() =>
        Assert.Contains("words[1]", Assert.Throws<ArgumentException>(() => new Vocabulary(["a", "\ud83d"])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_lookup_allocates_nothing()
    {
        string[] words = [.. Enumerable.Range(0, 1000).Select(i => $"word{i}"), new string('x', 500)];
        Vocabulary vocabulary = new(words);
        int[] indices = new int[words.Length];
        long sum = 0;
        Allocations.AssertNone(() =>
        {
            sum += vocabulary.IndexOf("word77") + vocabulary.IndexOf("word78"u8) + vocabulary.IndexOf("none") + vocabulary.IndexOf(words[1000]);
            sum += vocabulary.GetWord(7).Length + vocabulary.GetUtf8(9).Length;
        });
        Allocations.AssertNone(() => sum += vocabulary.IndicesOf(words, indices));
        Assert.Equal(Enumerable.Range(0, words.Length), indices);
        Assert.True(sum > 0);
    }

    [Fact]
    public void Unknown_words_follow_the_policy_of_unknown_indices()
    {
        using WordTable words = new(EmbeddingTable.Create(3, 4, Initializer.Normal(1)), new Vocabulary(["a", "b", "c"]));
        int[] indices = new int[3];
        Assert.Equal(1, words.Vocabulary.IndicesOf(["c", "none", "a"], indices));
        Assert.Equal([2, -1, 0], indices);
        float[] output = new float[12];
        using Embedding strict = new(words.Table, leaveOpen: true);
        Assert.Throws<ArgumentOutOfRangeException>(() => strict.Forward<int>(indices, output));
        using Embedding zeros = new(words.Table, new EmbeddingOptions { UnknownIndices = UnknownIndexPolicy.Zeros }, leaveOpen: true);
        zeros.Forward<int>(indices, output);
        Assert.Equal([.. words.Table.GetRow(2), 0, 0, 0, 0, .. words.Table.GetRow(0)], output);
        using Embedding padding = new(
            words.Table, new EmbeddingOptions { UnknownIndices = UnknownIndexPolicy.PaddingRow, PaddingIndex = 1 }, leaveOpen: true);
        padding.Forward<int>(indices, output);
        Assert.Equal(words.Table.GetRow(1), output.AsSpan(4, 4));
        Assert.Throws<ArgumentException>(() => words.Vocabulary.IndicesOf(["a"], indices));
    }

    [Fact]
    public void A_table_is_remapped_to_other_words_bit_for_bit()
    {
        using WordTable old = new(EmbeddingTable.Create(4, 3, Initializer.Normal(1)), new Vocabulary(["a", "b", "c", "d"]));
        Vocabulary target = new(["x", "d", "a", "y", "z"]);
        using WordTable remapped = old.Remap(target, Initializer.Normal(9), out RemapReport report);
        Assert.Equal(new RemapReport { Kept = 2, Added = 3, Dropped = 2 }, report);
        using EmbeddingTable fresh = EmbeddingTable.Create(5, 3, Initializer.Normal(9));
        BitEqual.AssertSameBits(fresh.GetRow(0), remapped.Table.GetRow(0));
        BitEqual.AssertSameBits(old.Table.GetRow(3), remapped.Table.GetRow(1));
        BitEqual.AssertSameBits(old.Table.GetRow(0), remapped.Table.GetRow(2));
        BitEqual.AssertSameBits(fresh.GetRow(4), remapped.Table.GetRow(4));
        Assert.Same(target, remapped.Vocabulary);

        EmbeddingTable given = new(4, 3);
        Assert.Throws<ArgumentException>(() => new WordTable(given, target));
        Assert.Throws<ObjectDisposedException>(() => given.GetRow(0));
        given = new EmbeddingTable(4, 3);
        Assert.Throws<ArgumentNullException>(() => new WordTable(given, null!));
        Assert.Throws<ObjectDisposedException>(() => given.GetRow(0));
    }

    [Fact]
    public void A_disposed_table_is_not_remapped_or_written()
    {
        WordTable words = new(new EmbeddingTable(1, 1), new Vocabulary(["a"]));
        words.Dispose();
        Assert.Throws<ObjectDisposedException>(() => words.Remap(words.Vocabulary, Initializer.Zeros, out _));
        Assert.Throws<ObjectDisposedException>(() => WordVectors.Save("never-written", words, WordFormat.GloVe));
        Assert.False(File.Exists("never-written"));
    }
}
