using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Kernels;

/// <summary>What a step does to one vector of one row.</summary>
internal interface IRowUpdate
{
    float Apply(float weight, float gradient);

    Vector<float> Apply(Vector<float> weight, Vector<float> gradient);
}

/// <summary><c>weight + gradient</c>: accumulation into a gradient that is already there.</summary>
internal readonly struct AddUpdate : IRowUpdate
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Apply(float weight, float gradient) => weight + gradient;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Apply(Vector<float> weight, Vector<float> gradient) => weight + gradient;
}

/// <summary>The update walker: goes over touched rows, each once.</summary>
internal static unsafe class Update<TUpdate>
    where TUpdate : struct, IRowUpdate
{
    /// <summary>
    /// Applies row <c>slots[i]</c> of <paramref name="gradients"/> to row <c>rows[i]</c> of <paramref name="table"/>, for
    /// <paramref name="count"/> distinct rows; without <paramref name="slots"/>, gradients lie one after the other.
    /// </summary>
    public static void Run(in RowView table, long* rows, int count, in RowView gradients, long* slots, TUpdate update)
    {
        nint width = Vector<float>.Count;
        nint dim = table.Dim;
        for (int i = 0; i < count; i++)
        {
            float* weights = (float*)(table.Rows + ((nint)rows[i] * table.Stride));
            float* gradient = (float*)(gradients.Rows + ((slots == null ? i : (nint)slots[i]) * gradients.Stride));
            nint column = 0;
            for (; column <= dim - width; column += width)
            {
                Vector<float> updated = update.Apply(
                    Unsafe.ReadUnaligned<Vector<float>>(weights + column), Unsafe.ReadUnaligned<Vector<float>>(gradient + column));
                Unsafe.WriteUnaligned(weights + column, updated);
            }

            // A scalar tail, because an overlapping vector would apply the step twice to the columns it stored before.
            for (; column < dim; column++) weights[column] = update.Apply(weights[column], gradient[column]);
        }
    }
}
