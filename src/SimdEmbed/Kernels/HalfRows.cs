using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>A codec of half-width floats that rows are trained in.</summary>
internal interface IHalfCodec : IRowCodec
{
    /// <summary>
    /// One of the two numbers of the codec around each value, the upper one with the probability of the value's distance from the lower:
    /// its expectation is the value. What the codec has stays; NaN, and what is beyond its range, is left to <see cref="IRowCodec.Encode"/>.
    /// </summary>
    static abstract Vector<float> Dither(Vector<float> value, Vector<uint> noise);
}

/// <summary>How trained weights go back to half width: to the nearest, or by noise that depends on seed, parameter, step, row and column alone.</summary>
internal readonly struct RowRounding(bool dithers, ulong seed, int parameter, long step)
{
    private const uint Golden = 0x9E3779B9;
    private const uint Mix1 = 0x85EBCA6B;
    private const uint Mix2 = 0xC2B2AE35;

    /// <summary>Set in the counter's last word, where an initializer with the same seed has none.</summary>
    private const uint Domain = 0x8000_0000;

    /// <summary>Writes the row that a step has made of <paramref name="values"/>, which are rounded in place.</summary>
    public unsafe void Store<TCodec>(float* values, nint dim, byte* target, long row)
        where TCodec : struct, IHalfCodec
    {
        if (dithers)
        {
            // One draw of Philox for a row; its words key a mix of the column (that of MurmurHash3), which vectors can do.
            (uint x0, uint x1, uint x2, _) = Philox.Words(seed, (uint)row, (uint)(row >> 32), (uint)step, Domain | (uint)parameter);
            Vector<uint> columns = Vector<uint>.Indices;
            for (nint column = 0; column < dim; column += Vector<float>.Count)
            {
                Vector<uint> noise = ((columns + new Vector<uint>((uint)column)) * new Vector<uint>(Golden)) + new Vector<uint>(x0);
                noise = (noise ^ (noise >>> 16)) * new Vector<uint>(Mix1);
                noise ^= new Vector<uint>(x1);
                noise = (noise ^ (noise >>> 13)) * new Vector<uint>(Mix2);
                noise = noise ^ (noise >>> 16) ^ new Vector<uint>(x2);
                Unsafe.WriteUnaligned(values + column, TCodec.Dither(Unsafe.ReadUnaligned<Vector<float>>(values + column), noise));
            }
        }

        TCodec.Encode(values, dim, target, null);
    }
}
