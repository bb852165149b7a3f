using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace SimdEmbed.Cli;

/// <summary>XXH3 of a table's rows: equal hashes, equal bits.</summary>
internal static class TableHash
{
    public static string Of(EmbeddingTable table)
    {
        XxHash3 hash = new();
        for (long row = 0; row < table.RowCount; row++) hash.Append(MemoryMarshal.AsBytes(table.GetRow(row)));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
