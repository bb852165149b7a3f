namespace SimdEmbed.Cli;

/// <summary>Rows of floats as aligned text: all in one notation, and the middle of wide rows left out.</summary>
internal static class MatrixText
{
    private const int MaxColumns = 10;
    private const int FirstColumns = 6;
    private const int LastColumns = 2;
    private const string Gap = "...";

    public static string[] Lines(float[][] rows)
    {
        string format = Format(rows);
        string[][] cells = Array.ConvertAll(rows, row => Cells(row, format));
        int width = cells.SelectMany(row => row).Where(cell => cell != Gap).Max(cell => cell.Length);
        return Array.ConvertAll(cells, row => string.Join("  ", row.Select(cell => cell == Gap ? cell : cell.PadLeft(width))));
    }

    /// <summary>Four decimals, unless they would hide the values or drown the line: then scientific notation.</summary>
    private static string Format(float[][] rows)
    {
        float largest = rows.SelectMany(row => row).Where(float.IsFinite).Select(float.Abs).DefaultIfEmpty().Max();
        return largest is 0 or (>= 0.01f and < 100_000) ? "F4" : "0.0000e+00";
    }

    private static string[] Cells(float[] row, string format)
    {
        if (row.Length <= MaxColumns) return Array.ConvertAll(row, value => value.ToString(format));
        return
        [
            .. row[..FirstColumns].Select(value => value.ToString(format)),
            Gap,
            .. row[^LastColumns..].Select(value => value.ToString(format)),
        ];
    }
}
