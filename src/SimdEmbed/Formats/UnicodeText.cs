namespace SimdEmbed.Formats;

/// <summary>Whether text can be written to a file at all: a .NET string may have half a surrogate pair, UTF-8 may not.</summary>
internal static class UnicodeText
{
    public static bool IsValid(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1])) return false;
            i++;
        }

        return true;
    }
}
