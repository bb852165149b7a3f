using System.Numerics;

namespace SimdEmbed.Kernels;

/// <summary>Writing vectors whose lanes are columns in order.</summary>
internal static unsafe class Columns
{
    /// <summary>Writes the columns from <paramref name="column"/> on, and none beyond <paramref name="dim"/>.</summary>
    public static void Store(float* target, nint dim, nint column, float* values, int count)
    {
        nint end = nint.Min(dim, column + (count * Vector<float>.Count));
        for (nint i = column; i < end; i++) target[i] = values[i - column];
    }
}
