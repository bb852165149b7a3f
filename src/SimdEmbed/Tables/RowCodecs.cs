using SimdEmbed.Kernels;

namespace SimdEmbed.Tables;

/// <summary>From a <see cref="RowCodec"/> to the struct that knows its rows, for one row at a time.</summary>
internal static unsafe class RowCodecs
{
    public static nint RowBytes(RowCodec codec, int dim) => codec switch
    {
        RowCodec.Float32 => Float32.RowBytes(dim),
        RowCodec.Float16 => Float16.RowBytes(dim),
        RowCodec.BFloat16 => BFloat16.RowBytes(dim),
        RowCodec.Int8 => Int8.RowBytes(dim),
        RowCodec.Int4 => Int4.RowBytes(dim),
        _ => Int2.RowBytes(dim),
    };

    /// <summary>Whether rows have a scale and a bias beside them.</summary>
    public static bool IsAffine(RowCodec codec) => codec is RowCodec.Int8 or RowCodec.Int4 or RowCodec.Int2;

    /// <summary>Bytes of a row with what lies beside it.</summary>
    public static nint TotalRowBytes(RowCodec codec, int dim) => RowBytes(codec, dim) + (IsAffine(codec) ? 2 * sizeof(float) : 0);

    public static void Encode(RowCodec codec, in RowView rows, long row, float* values)
    {
        byte* target = rows.Rows + ((nint)row * rows.Stride);
        float* side = rows.Side + (2 * row);
        switch (codec)
        {
            case RowCodec.Float32: Float32.Encode(values, rows.Dim, target, side); break;
            case RowCodec.Float16: Float16.Encode(values, rows.Dim, target, side); break;
            case RowCodec.BFloat16: BFloat16.Encode(values, rows.Dim, target, side); break;
            case RowCodec.Int8: Int8.Encode(values, rows.Dim, target, side); break;
            case RowCodec.Int4: Int4.Encode(values, rows.Dim, target, side); break;
            default: Int2.Encode(values, rows.Dim, target, side); break;
        }
    }

    public static void Decode(RowCodec codec, in RowView rows, long row, float* values)
    {
        switch (codec)
        {
            case RowCodec.Float32: Gather<long, Float32>.RunAhead(rows, &row, 1, null, values); break;
            case RowCodec.Float16: Gather<long, Float16>.RunAhead(rows, &row, 1, null, values); break;
            case RowCodec.BFloat16: Gather<long, BFloat16>.RunAhead(rows, &row, 1, null, values); break;
            case RowCodec.Int8: Gather<long, Int8>.RunAhead(rows, &row, 1, null, values); break;
            case RowCodec.Int4: Gather<long, Int4>.RunAhead(rows, &row, 1, null, values); break;
            default: Gather<long, Int2>.RunAhead(rows, &row, 1, null, values); break;
        }
    }
}
