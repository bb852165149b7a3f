using SimdEmbed.Kernels;

namespace SimdEmbed.Formats;

/// <summary>A tensor to be written: what the file says of it, and who makes its bytes, row-major and little-endian.</summary>
internal sealed record TensorSource(string Name, TensorDtype Dtype, long[] Shape, long Length, Action<Stream> Write)
{
    public static TensorSource Of(string name, EmbeddingTable table)
    {
        RowView rows = table.OpenRead();
        return new(name, TensorDtype.Float32, [rows.Count, rows.Dim], rows.Count * rows.Stride, output =>
        {
            Copy(table, output);
            GC.KeepAlive(table);
        });
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

    private static unsafe void Copy(EmbeddingTable table, Stream output)
    {
        RowView rows = table.OpenRead();
        Copy(rows.Rows, rows.Count * rows.Stride, output);
    }
}
