using System.Globalization;

namespace SimdEmbed.Formats;

/// <summary>
/// The one Python literal that a NumPy header may be: a dict of <c>descr</c> (a string), <c>fortran_order</c> (a bool) and
/// <c>shape</c> (a tuple of ints), in any order, with either kind of quotes.
/// </summary>
internal sealed class NpyLiteral(string text)
{
    public int Position { get; private set; }

    public string Problem { get; private set; } = "";

    public string? Descr { get; private set; }

    public bool? IsFortranOrder { get; private set; }

    public long[]? Shape { get; private set; }

    public bool TryParse(int highestRank)
    {
        if (!TryTake('{')) return Fail("it does not begin with '{'");
        while (!TryTake('}'))
        {
            if (!TryString(out string key) || !TryTake(':')) return Fail("a key is expected here");
            bool isNew;
            switch (key)
            {
                case "descr":
                    isNew = Descr == null;
                    if (!TryString(out string descr)) return Fail("descr is no string (objects and structures are not read)");
                    Descr = descr;
                    break;
                case "fortran_order":
                    isNew = IsFortranOrder == null;
                    IsFortranOrder = TryWord("True") ? true : TryWord("False") ? false : null;
                    if (IsFortranOrder == null) return Fail("fortran_order is neither True nor False");
                    break;
                case "shape":
                    isNew = Shape == null;
                    if (!TryShape(highestRank)) return Fail($"shape is no tuple of at most {highestRank} numbers from 0 to 2^63 - 1");
                    break;
                default:
                    return Fail($"it has a key {FormatError.Quote(key)}");
            }

            if (!isNew) return Fail($"it has {key} twice");
            if (TryTake(',')) continue;
            if (!TryTake('}')) return Fail("'}' is expected here");
            break;
        }

        SkipSpace();
        if (Position != text.Length) return Fail("something follows the dict");
        return (Descr != null && IsFortranOrder != null && Shape != null) || Fail("it needs descr, fortran_order and shape");
    }

    private bool TryShape(int highestRank)
    {
        if (!TryTake('(')) return false;
        List<long> sizes = [];
        bool hasComma = false;
        while (!TryTake(')'))
        {
            SkipSpace();
            int end = Position;
            while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
            if (!long.TryParse(text.AsSpan(Position, end - Position), NumberStyles.None, CultureInfo.InvariantCulture, out long size)) return false;
            Position = end;

            // Python 2 wrote long ints with an L.
            if (Position < text.Length && text[Position] == 'L') Position++;
            if (sizes.Count == highestRank) return false;
            sizes.Add(size);
            hasComma = TryTake(',');
            if (hasComma) continue;
            if (!TryTake(')')) return false;
            break;
        }

        // (5) is a number in Python, and only (5,) a tuple.
        if (sizes.Count == 1 && !hasComma) return false;
        Shape = [.. sizes];
        return true;
    }

    private bool TryString(out string value)
    {
        value = "";
        SkipSpace();
        if (Position == text.Length || text[Position] is not ('\'' or '"')) return false;
        int end = text.IndexOf(text[Position], Position + 1);
        if (end < 0 || text.AsSpan(Position, end - Position).Contains('\\')) return false;
        value = text[(Position + 1)..end];
        Position = end + 1;
        return true;
    }

    private bool TryWord(string word)
    {
        SkipSpace();
        if (!text.AsSpan(Position).StartsWith(word, StringComparison.Ordinal)) return false;
        Position += word.Length;
        return true;
    }

    private bool TryTake(char c)
    {
        SkipSpace();
        if (Position == text.Length || text[Position] != c) return false;
        Position++;
        return true;
    }

    private void SkipSpace()
    {
        while (Position < text.Length && text[Position] is ' ' or '\n' or '\t' or '\r') Position++;
    }

    private bool Fail(string problem)
    {
        Problem = problem;
        return false;
    }
}
