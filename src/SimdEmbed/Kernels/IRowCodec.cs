using System.Numerics;

namespace SimdEmbed.Kernels;

/// <summary>How a row becomes vectors of floats, and which columns a vector holds.</summary>
/// <remarks>
/// A <em>position</em> counts lanes of a row's vectors in the codec's order: the vector at position <c>p</c> is loaded from byte
/// <c>p * Bits / 8</c> of the row. Where <see cref="Parts"/> is 1, positions are columns. Otherwise a row is 32-bit words, and part <c>p</c> of
/// word <c>i</c> of a whole group of <see cref="Group"/> is column <c>p * Group + i</c> of the group.
/// </remarks>
internal unsafe interface IRowCodec
{
    /// <summary>Words of a group.</summary>
    const int Group = 16;

    /// <summary>Bits of a column.</summary>
    static abstract int Bits { get; }

    /// <summary>How many vectors share one load: a sweep takes a multiple of it.</summary>
    static abstract int Parts { get; }

    /// <summary>Whether a column is <c>code * scale + bias</c>, with the row's pair of floats in the table's side.</summary>
    static abstract bool Affine { get; }

    /// <summary>Bytes of one row of <paramref name="dim"/> columns.</summary>
    static abstract nint RowBytes(int dim);

    /// <summary>Positions of a row: a sweep that ends there has met all columns.</summary>
    static abstract nint Span(nint dim);

    /// <summary>The vector <paramref name="k"/> vectors behind <paramref name="row"/>: codes where <see cref="Affine"/>.</summary>
    static abstract Vector<float> Load(byte* row, int k);

    /// <summary>Writes the columns that are in <paramref name="count"/> vectors from <paramref name="position"/> on, which lie at <paramref name="values"/>.</summary>
    static abstract void Store(float* target, nint dim, nint position, float* values, int count);

    /// <summary>Stores a row: nearest, ties to even; its scale and bias go to <paramref name="side"/>, where it has them.</summary>
    static abstract void Encode(float* values, nint dim, byte* row, float* side);
}
