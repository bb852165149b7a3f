namespace SimdEmbed;

/// <summary>How a file keeps words and their vectors.</summary>
public enum WordFormat
{
    /// <summary>
    /// word2vec's binary file: a line <c>rows dim</c>; then for each word its bytes, a space, <c>dim</c> little-endian float32 and
    /// usually a line feed.
    /// </summary>
    Word2VecBinary = 0,

    /// <summary>word2vec's text file, and fastText's <c>.vec</c>: a line <c>rows dim</c>, then a word and <c>dim</c> numbers on each line.</summary>
    Word2VecText = 1,

    /// <summary>GloVe's text file: as <see cref="Word2VecText"/>, without the first line.</summary>
    GloVe = 2,
}
