namespace SimdEmbed.Formats;

/// <summary>
/// The elements of a tensor in its bytes: element <c>i</c> lies at <c>Start + sum(i[d] * Stride[d])</c>, in elements. Made only
/// after all of it was checked against the length of the bytes.
/// </summary>
internal sealed class TensorView(TensorBytes bytes, TensorDtype dtype, long start, long[] shape, long[] stride, long count)
{
    public TensorBytes Bytes { get; } = bytes;

    public TensorDtype Dtype { get; } = dtype;

    public long Start { get; } = start;

    public long[] Shape { get; } = shape;

    public long[] Stride { get; } = stride;

    /// <summary>The number of elements: the product of the shape, which fits 64 bits.</summary>
    public long Count { get; } = count;

    public bool IsBigEndian { get; init; }

    public long ByteLength => (long)((Int128)Count * Dtype.Bits() / 8);

    /// <summary>Whether the elements lie side by side; the stride of a dimension of one is never used and may be anything.</summary>
    public bool IsContiguous
    {
        get
        {
            if (Count <= 1) return true;
            long expected = 1;
            for (int d = Shape.Length - 1; d >= 0; d--)
            {
                if (Shape[d] == 1) continue;
                if (Stride[d] != expected) return false;
                expected *= Shape[d];
            }

            return true;
        }
    }

    public string ShapeText => $"[{string.Join(", ", Shape)}]";

    /// <summary>Where the first element is, for a message.</summary>
    public long Place => Bytes.FileOffset is { } offset ? offset + (Start * Dtype.ElementBytes()) : -1;

    /// <summary>Elements side by side from the first byte on; the last dimension runs fastest, or in NumPy's <c>fortran_order</c> the first.</summary>
    public static TensorView Dense(TensorBytes bytes, TensorDtype dtype, long[] shape, long count, bool isFirstFastest = false, bool isBigEndian = false) =>
        new(bytes, dtype, 0, shape, Strides(shape, isFirstFastest), count) { IsBigEndian = isBigEndian };

    /// <summary>How far the elements of each dimension are apart when all lie side by side.</summary>
    public static long[] Strides(ReadOnlySpan<long> shape, bool isFirstFastest = false)
    {
        long[] stride = new long[shape.Length];
        long step = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            int d = isFirstFastest ? i : shape.Length - 1 - i;
            stride[d] = step;
            step *= Math.Max(shape[d], 1);
        }

        return stride;
    }
}
