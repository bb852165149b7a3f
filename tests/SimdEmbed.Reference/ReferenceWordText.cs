using System.Globalization;
using System.Text;

namespace SimdEmbed.Reference;

/// <summary>
/// Word vectors in text, line by line with the runtime's own splitting and parsing: what a fast reader has to agree with. Bytes
/// are read as Latin-1, so that words which are no valid UTF-8 stay apart.
/// </summary>
public static class ReferenceWordText
{
    private static readonly string[] s_named = ["nan", "inf", "infinity"];

    /// <summary>The words and vectors of a file whose lines are all well-formed; null for any other.</summary>
    public static List<KeyValuePair<string, float[]>>? Read(byte[] file, bool hasHeader)
    {
        List<string> lines = [.. Encoding.Latin1.GetString(file).Split('\n')];
        if (lines[0].StartsWith("\u00ef\u00bb\u00bf", StringComparison.Ordinal)) lines[0] = lines[0][3..];
        for (int i = 0; i < lines.Count; i++) lines[i] = (lines[i].EndsWith('\r') ? lines[i][..^1] : lines[i]).TrimEnd(' ');
        while (lines.Count > 1 && lines[^1].Length == 0) lines.RemoveAt(lines.Count - 1);

        long promised = -1;
        int dim;
        if (hasHeader)
        {
            string[] header = lines[0].TrimEnd(' ', '\r').Split(' ');
            if (header.Length != 2 || !IsCount(header[0], out promised) || !IsCount(header[1], out long columns) || columns == 0) return null;
            dim = (int)columns;
            lines.RemoveAt(0);
        }
        else
        {
            string[] fields = lines[0].Split(' ');
            dim = 0;
            while (dim < fields.Length - 1 && Number(fields[^(dim + 1)]) != null) dim++;
            if (dim == 0) return null;
        }

        List<KeyValuePair<string, float[]>> rows = [];
        HashSet<string> seen = [];
        foreach (string line in lines)
        {
            string[] fields = line.Split(' ');
            int words = fields.Length - dim;
            if (words < 1 || fields[0].Length == 0 || (words > 1 && Number(fields[words - 1]) != null)) return null;
            float[] vector = new float[dim];
            for (int j = 0; j < dim; j++)
            {
                if (Number(fields[words + j]) is not float value) return null;
                vector[j] = value;
            }

            string word = string.Join(' ', fields[..words]);
            if (seen.Add(word)) rows.Add(new(word, vector));
        }

        return promised >= 0 && promised != lines.Count ? null : rows;
    }

    private static bool IsCount(string text, out long value) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && !text.EndsWith('\0') && value <= int.MaxValue;

    private static float? Number(string text)
    {
        string name = text.StartsWith('-') || text.StartsWith('+') ? text[1..] : text;
        if (Array.IndexOf(s_named, name.ToLowerInvariant()) is int i and >= 0)
        {
            return i == 0 ? float.NaN : text[0] == '-' ? float.NegativeInfinity : float.PositiveInfinity;
        }

        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

        // The runtime passes over zero bytes behind a number, and over any space around NaN.
        bool isDecimal = name.Length > 0 && (char.IsAsciiDigit(name[0]) || name[0] == '.') && name[^1] != '\0';
        return isDecimal && float.TryParse(text, Styles, CultureInfo.InvariantCulture, out float value)
            ? value
            : null;
    }
}
