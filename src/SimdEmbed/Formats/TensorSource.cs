using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed.Formats;

/// <summary>A tensor to be written: what the file says of it, and who makes its bytes, row-major and little-endian.</summary>
internal sealed record TensorSource(string Name, TensorDtype Dtype, long[] Shape, long Length, Action<Stream> Write)
{
    /// <summary>A table as one tensor: rows of floats, as they lie.</summary>
    public static TensorSource Of(string name, EmbeddingTable table)
    {
        if (RowCodecs.IsAffine(table.Codec)) Throw.Argument(nameof(table), $"table '{name}' has {table.Codec} rows, which only safetensors files hold: convert it to Float32.");
        return Rows(name, table, table.Dim);
    }

    /// <summary>A table of integer codes as two tensors: what <see cref="CompactRows"/> says.</summary>
    public static (TensorSource Codes, TensorSource Pairs) OfCompact(string name, EmbeddingTable table)
    {
        RowView rows = table.OpenRead();
        long bytes = rows.Count * 2 * sizeof(float);
        return (Rows(name, table, CompactRows.Words(table.Codec, table.Dim)), new(name + CompactRows.PairsSuffix, TensorDtype.Float32, [rows.Count, 2], bytes, output =>
        {
            CopyPairs(table, bytes, output);
            GC.KeepAlive(table);
        }));
    }

    /// <summary>Writes native memory in pieces, between which a call can be cancelled.</summary>
    public static unsafe void Copy(byte* elements, long length, Stream output)
    {
        const int ChunkBytes = 1 << 20;
        for (long done = 0; done < length; done += ChunkBytes)
        {
            output.Write(new ReadOnlySpan<byte>(elements + done, (int)Math.Min(length - done, ChunkBytes)));
        }
    }

    private static TensorSource Rows(string name, EmbeddingTable table, long columns)
    {
        RowView rows = table.OpenRead();
        return new(name, TensorDtypes.Of(table.Codec), [rows.Count, columns], rows.Count * rows.Stride, output =>
        {
            Copy(table, output);
            GC.KeepAlive(table);
        });
    }

    private static unsafe void CopyPairs(EmbeddingTable table, long bytes, Stream output) => Copy((byte*)table.OpenRead().Side, bytes, output);

    private static unsafe void Copy(EmbeddingTable table, Stream output)
    {
        RowView rows = table.OpenRead();
        Copy(rows.Rows, rows.Count * rows.Stride, output);
    }
}
