using System.Runtime.InteropServices;
using SimdEmbed.Formats;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed.Checkpoints;

/// <summary>Rows to a stream and back, in pieces: no more memory is needed for a large table than for a small one.</summary>
internal static unsafe class RowTransfer
{
    /// <summary>Large enough to cost few calls, small enough to stay in the second cache between the hash and the copy.</summary>
    public const int PieceBytes = 1 << 18;

    /// <summary>Writes all rows of floats, or those that are marked.</summary>
    public static void Write(in RowView rows, WrittenRows? marked, Stream output) => Write(rows, sizeof(float), marked, output);

    /// <summary>Writes all rows, or those that are marked, whose elements have so many bytes.</summary>
    public static void Write(in RowView rows, int elementBytes, WrittenRows? marked, Stream output)
    {
        nint bytes = (nint)rows.Dim * elementBytes;
        if (marked == null && (rows.Stride == bytes || rows.Count == 1))
        {
            Write(rows.Rows, rows.Count * bytes, output);
            return;
        }

        // What an optimizer remembers of a row lies side by side: each of its tensors is every other vector.
        int fitting = FittingRows(bytes);
        if (fitting == 0)
        {
            for (long row = First(marked); row < rows.Count; row = Following(marked, row)) Write(rows.Rows + ((nint)row * rows.Stride), bytes, output);
            return;
        }

        byte* piece = (byte*)NativeMemory.Alloc(PieceBytes);
        try
        {
            for (long row = First(marked); row < rows.Count;)
            {
                int count = 0;
                for (; count < fitting && row < rows.Count; row = Following(marked, row))
                {
                    Copy(rows.Rows + ((nint)row * rows.Stride), piece + (count++ * bytes), bytes);
                }

                output.Write(new ReadOnlySpan<byte>(piece, (int)(count * bytes)));
            }
        }
        finally
        {
            NativeMemory.Free(piece);
        }
    }

    /// <summary>Writes the numbers of the marked rows, ascending, as int64.</summary>
    public static void WriteNumbers(WrittenRows marked, long rows, Stream output)
    {
        const int PieceRows = 1 << 12;
        long* piece = stackalloc long[PieceRows];
        int count = 0;
        for (long row = marked.Next(0); row < rows; row = marked.Next(row + 1))
        {
            piece[count++] = row;
            if (count < PieceRows) continue;
            Write((byte*)piece, count * sizeof(long), output);
            count = 0;
        }

        Write((byte*)piece, count * sizeof(long), output);
    }

    /// <summary>Reads the rows of floats that both sides have, or one of <paramref name="parts"/> parts of them.</summary>
    public static bool TryRead(RowSource source, in RowView rows, int part, int parts, ref FormatError error) =>
        TryRead(source, rows, sizeof(float), part, parts, ref error);

    /// <summary>Reads the rows that both sides have, whose elements have so many bytes, or one of <paramref name="parts"/> parts of them.</summary>
    public static bool TryRead(RowSource source, in RowView rows, int elementBytes, int part, int parts, ref FormatError error)
    {
        nint bytes = (nint)rows.Dim * elementBytes;
        long kept = long.Min(source.Rows, rows.Count);
        long start = (long)((Int128)kept * part / parts);
        long end = (long)((Int128)kept * (part + 1) / parts);
        if (rows.Stride == bytes || kept == 1) return source.TryRead(start * bytes, rows.Rows + ((nint)start * rows.Stride), (end - start) * bytes, ref error);
        int fitting = FittingRows(bytes);
        if (fitting == 0)
        {
            for (long row = start; row < end; row++)
            {
                if (!source.TryRead(row * bytes, rows.Rows + ((nint)row * rows.Stride), bytes, ref error)) return false;
            }

            return true;
        }

        byte* piece = (byte*)NativeMemory.Alloc(PieceBytes);
        try
        {
            for (long first = start; first < end; first += fitting)
            {
                int count = (int)long.Min(fitting, end - first);
                if (!source.TryRead(first * bytes, piece, count * bytes, ref error)) return false;
                for (int i = 0; i < count; i++) Copy(piece + (i * bytes), rows.Rows + ((nint)(first + i) * rows.Stride), bytes);
            }
        }
        finally
        {
            NativeMemory.Free(piece);
        }

        return true;
    }

    /// <summary>Rows in a piece; 0 for rows so long that each is a piece or more of its own.</summary>
    private static int FittingRows(nint bytes) => bytes == 0 ? PieceBytes : (int)(PieceBytes / bytes);

    /// <summary>The first row, or the first that is marked.</summary>
    public static long First(WrittenRows? marked) => marked?.Next(0) ?? 0;

    /// <summary>The next row, or the next that is marked.</summary>
    public static long Following(WrittenRows? marked, long row) => marked?.Next(row + 1) ?? row + 1;

    private static void Write(byte* start, long bytes, Stream output)
    {
        for (long done = 0; done < bytes; done += PieceBytes)
        {
            output.Write(new ReadOnlySpan<byte>(start + done, (int)long.Min(bytes - done, PieceBytes)));
        }
    }

    private static void Copy(byte* source, byte* destination, nint bytes) =>
        new ReadOnlySpan<byte>(source, (int)bytes).CopyTo(new Span<byte>(destination, (int)bytes));
}
