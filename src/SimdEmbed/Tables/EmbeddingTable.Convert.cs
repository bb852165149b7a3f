using System.Buffers.Binary;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>Tables of other codecs, and rows as PyTorch packs them.</summary>
public sealed unsafe partial class EmbeddingTable
{
    /// <summary>Rows that a thread converts before it reports and looks whether it should stop.</summary>
    private const int ConvertedAtOnce = 4096;

    /// <summary>Bytes that the rows take, with the scale and bias beside them.</summary>
    public long ByteCount => RowCount * RowCodecs.TotalRowBytes(Codec, Dim);

    /// <summary>Creates a table with the same rows in another codec, row by row: each is decoded, and rounded to what the codec holds.</summary>
    /// <remarks>Nothing but the two tables and one row for each thread is in memory. The result is the same for any degree.</remarks>
    /// <param name="codec">How the new rows are stored.</param>
    /// <param name="degree">The number of threads: 1 or more.</param>
    /// <param name="progress">Told how many rows are done, now and then, from any of the threads.</param>
    /// <param name="cancellationToken">Stops the conversion; the new table is disposed.</param>
    /// <returns>A table that the caller disposes; this one stays as it is.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="codec"/> or <paramref name="degree"/> is out of range.</exception>
    /// <exception cref="ArgumentException">A value is not finite and goes to integer codes.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the new table.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public EmbeddingTable ConvertTo(RowCodec codec, int degree = 1, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        _ = OpenRead();
        if (degree < 1) Throw.OutOfRange(nameof(degree), degree, "1 or more");
        if (!Enum.IsDefined(codec)) Throw.OutOfRange(nameof(codec), codec, "a defined RowCodec");
        EmbeddingTable converted = Uninitialized(RowCount, Dim, codec);
        try
        {
            long done = 0;
            RowBlocks.Run(RowCount, ConvertedAtOnce, degree, Convert, cancellationToken);

            void Convert(long first, long end)
            {
                // Gone through without the checks of a row's number and length, which are those of the loop.
                RowView source = OpenRead();
                RowView target = converted.OpenRead();
                bool decodes = Codec != RowCodec.Float32;
                float[] values = new float[decodes ? Dim : 0];
                fixed (float* decoded = values)
                {
                    for (long row = first; row < end; row++)
                    {
                        if (decodes) RowCodecs.Decode(Codec, source, row, decoded);
                        float* floats = decodes ? decoded : (float*)(source.Rows + ((nint)row * source.Stride));
                        converted.CheckFinite(row, floats);
                        RowCodecs.Encode(codec, target, row, floats);
                    }
                }

                progress?.Report(Interlocked.Add(ref done, end - first));
            }
        }
        catch
        {
            converted.Dispose();
            throw;
        }

        GC.KeepAlive(this);
        return converted;
    }

    /// <summary>Bytes of a row as PyTorch packs it: <c>dim + 8</c> for int8, <c>dim / 2 + 4</c> for int4, <c>dim / 4 + 4</c> for int2.</summary>
    /// <param name="codec">One of the integer codecs.</param>
    /// <param name="dim">The number of columns; a multiple of 2 for int4 and of 4 for int2, as PyTorch demands.</param>
    /// <returns>The number of bytes.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="codec"/> or <paramref name="dim"/> is out of range.</exception>
    public static int PackedRowBytes(RowCodec codec, int dim)
    {
        if (!RowCodecs.IsAffine(codec)) Throw.OutOfRange(nameof(codec), codec, "Int8, Int4 or Int2");
        int perByte = CodesPerByte(codec);
        if (dim < 0 || dim % perByte != 0) Throw.OutOfRange(nameof(dim), dim, $"a multiple of {perByte} for PyTorch's packed {codec} rows");
        return checked((dim / perByte) + (codec == RowCodec.Int8 ? 2 * sizeof(float) : 2 * sizeof(ushort)));
    }

    /// <summary>Creates a table from rows that PyTorch's <c>embedding_bag_byte_prepack</c>, <c>4bit_prepack</c> or <c>2bit_prepack</c> made.</summary>
    /// <param name="codec">One of the integer codecs.</param>
    /// <param name="dim">The number of columns.</param>
    /// <param name="packed"><c>[rows, PackedRowBytes(codec, dim)]</c>: codes, low bits first, then scale, then bias.</param>
    /// <returns>A table that the caller disposes.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="codec"/> or <paramref name="dim"/> is out of range.</exception>
    /// <exception cref="ArgumentException"><paramref name="packed"/> is not a whole number of rows.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the table.</exception>
    public static EmbeddingTable FromPackedRows(RowCodec codec, int dim, ReadOnlySpan<byte> packed)
    {
        int bytes = PackedRowBytes(codec, dim);
        if (packed.Length % bytes != 0) Throw.Argument(nameof(packed), $"{packed.Length} bytes are no whole number of rows of {bytes} bytes.");
        EmbeddingTable table = new(packed.Length / bytes, dim, codec);
        for (int row = 0; row < table.RowCount; row++) table.SetPackedRow(row, packed.Slice(row * bytes, bytes));
        return table;
    }

    /// <summary>Replaces row <paramref name="row"/> by one that PyTorch packed, code for code.</summary>
    /// <param name="row">0 to <see cref="RowCount"/> - 1.</param>
    /// <param name="packed"><c>[PackedRowBytes(Codec, Dim)]</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="row"/> is not a row, or the table has no packed form.</exception>
    /// <exception cref="ArgumentException"><paramref name="packed"/> has another length.</exception>
    /// <exception cref="InvalidOperationException">The table is read-only.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void SetPackedRow(long row, ReadOnlySpan<byte> packed)
    {
        byte* target = PackedRow(row, packed.Length, nameof(packed), out float* side);
        CheckNotReadOnly();
        int perByte = CodesPerByte(Codec);
        int bits = 8 / perByte;
        int codes = Dim / perByte;
        Written?.Mark(row);
        new Span<byte>(target, (int)OpenRead().Stride).Clear();
        for (int column = 0; column < Dim; column++)
        {
            uint code = ((uint)packed[column / perByte] >> (column % perByte * bits)) & ((1u << bits) - 1);
            PackedCodes.SetCode(target, Dim, column, code, 32 / bits);
        }

        if (Codec == RowCodec.Int8)
        {
            side[0] = BinaryPrimitives.ReadSingleLittleEndian(packed[codes..]);
            side[1] = BinaryPrimitives.ReadSingleLittleEndian(packed[(codes + 4)..]);
        }
        else
        {
            side[0] = (float)BinaryPrimitives.ReadHalfLittleEndian(packed[codes..]);
            side[1] = (float)BinaryPrimitives.ReadHalfLittleEndian(packed[(codes + 2)..]);
        }

        GC.KeepAlive(this);
    }

    /// <summary>Writes row <paramref name="row"/> as PyTorch packs it.</summary>
    /// <param name="row">0 to <see cref="RowCount"/> - 1.</param>
    /// <param name="destination"><c>[PackedRowBytes(Codec, Dim)]</c>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="row"/> is not a row, or the table has no packed form.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    /// <exception cref="ObjectDisposedException">The table was disposed.</exception>
    public void CopyPackedRowTo(long row, Span<byte> destination)
    {
        byte* source = PackedRow(row, destination.Length, nameof(destination), out float* side);
        int perByte = CodesPerByte(Codec);
        int bits = 8 / perByte;
        int codes = Dim / perByte;
        destination.Clear();
        for (int column = 0; column < Dim; column++)
        {
            destination[column / perByte] |= (byte)(PackedCodes.GetCode(source, Dim, column, 32 / bits) << (column % perByte * bits));
        }

        if (Codec == RowCodec.Int8)
        {
            BinaryPrimitives.WriteSingleLittleEndian(destination[codes..], side[0]);
            BinaryPrimitives.WriteSingleLittleEndian(destination[(codes + 4)..], side[1]);
        }
        else
        {
            BinaryPrimitives.WriteHalfLittleEndian(destination[codes..], (Half)side[0]);
            BinaryPrimitives.WriteHalfLittleEndian(destination[(codes + 2)..], (Half)side[1]);
        }

        GC.KeepAlive(this);
    }

    private byte* PackedRow(long row, int length, string argument, out float* side)
    {
        ref readonly RowView rows = ref OpenRead();
        int bytes = PackedRowBytes(Codec, Dim);
        CheckRow(row, rows);
        Check.Length(argument, length, bytes, "PackedRowBytes(Codec, Dim)");
        side = rows.Side + (2 * row);
        return rows.Rows + ((nint)row * rows.Stride);
    }

    private static int CodesPerByte(RowCodec codec) => codec switch
    {
        RowCodec.Int8 => 1,
        RowCodec.Int4 => 2,
        _ => 4,
    };
}
