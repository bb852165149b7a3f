using System.Numerics;

namespace SimdEmbed.Kernels;

/// <summary>How a row becomes floats. Scalar and vector form stand side by side so that they cannot drift apart.</summary>
internal unsafe interface IRowCodec
{
    /// <summary>Bytes of one row of <paramref name="dim"/> columns.</summary>
    static abstract nint RowBytes(int dim);

    /// <summary>One column.</summary>
    static abstract float Load(byte* row, nint column);

    /// <summary>The <c>Vector&lt;float&gt;.Count</c> columns from <paramref name="column"/> on.</summary>
    static abstract Vector<float> LoadVector(byte* row, nint column);
}
