using System.Numerics;
using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>
/// Dot products of pairs of looked-up rows, as in matrix factorisation:
/// <c>(left(leftIndices) * right(rightIndices)).sum(-1)</c> in PyTorch. Each sum runs over 16 fixed lanes.
/// </summary>
public static unsafe class EmbeddingDot
{
    /// <summary>
    /// <c>output[i] = sum over j of left[leftIndices[i], j] * right[rightIndices[i], j]</c>, with the rows as each embedding's
    /// Forward gives them: renormalised, and unknown indices by its policy.
    /// </summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="left">One embedding.</param>
    /// <param name="leftIndices"><c>[n]</c>.</param>
    /// <param name="right">The other, of the same <c>embeddingDim</c>; may be the same object.</param>
    /// <param name="rightIndices"><c>[n]</c>.</param>
    /// <param name="output"><c>[n]</c>; shares no memory with the inputs.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A length or dim does not fit, or spans overlap.</exception>
    /// <exception cref="ObjectDisposedException">A table was disposed.</exception>
    public static void Forward<TIndex>(
        Embedding left, ReadOnlySpan<TIndex> leftIndices, Embedding right, ReadOnlySpan<TIndex> rightIndices, Span<float> output)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        CheckPairs(left, leftIndices, right, rightIndices);
        Check.Length(nameof(output), output.Length, leftIndices.Length, "leftIndices.Length");
        Check.NoOverlap(leftIndices, nameof(leftIndices), (ReadOnlySpan<float>)output, nameof(output));
        Check.NoOverlap(rightIndices, nameof(rightIndices), (ReadOnlySpan<float>)output, nameof(output));
        Check.NoOverlap((ReadOnlySpan<float>)output, nameof(output), left.Weight.OpenRead());
        Check.NoOverlap((ReadOnlySpan<float>)output, nameof(output), right.Weight.OpenRead());
        fixed (TIndex* l = leftIndices)
        fixed (TIndex* r = rightIndices)
        fixed (float* destination = output)
        {
            if (WideIndices.IsWide<TIndex>() && left.IsPlain && right.IsPlain)
            {
                Dot<TIndex>.Run(left.Weight.OpenRead(), l, right.Weight.OpenRead(), r, leftIndices.Length, destination);
            }
            else
            {
                DotOfCopies(left, leftIndices, right, rightIndices, destination);
            }
        }

        GC.KeepAlive(left);
        GC.KeepAlive(right);
    }

    /// <summary>
    /// The gradients of both tables. With the rows as they are now (limited on output where an embedding asks for that), the left
    /// side's output gradient is <c>outputGradient[i] * right[rightIndices[i], j]</c>, and the right side's alike; each goes
    /// through that embedding's Backward, with its padding and frequency scaling.
    /// </summary>
    /// <typeparam name="TIndex">int or long, or byte, ushort or uint, which are widened.</typeparam>
    /// <param name="left">One embedding.</param>
    /// <param name="leftIndices"><c>[n]</c>: what Forward was called with.</param>
    /// <param name="right">The other.</param>
    /// <param name="rightIndices"><c>[n]</c>.</param>
    /// <param name="outputGradient"><c>[n]</c>.</param>
    /// <param name="leftGradient">A gradient of the left table.</param>
    /// <param name="rightGradient">A gradient of the right table; the same object as the left one when the table is, and then it receives the sum.</param>
    /// <param name="accumulate">False to overwrite the gradients; true to add to them.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is not a row.</exception>
    /// <exception cref="ArgumentException">A length or dim does not fit, or a gradient is another table's.</exception>
    /// <exception cref="InvalidOperationException">An embedding is frozen.</exception>
    /// <exception cref="InsufficientMemoryException">There is no memory for the gradients; they are unchanged.</exception>
    /// <exception cref="ObjectDisposedException">A table or gradient was disposed.</exception>
    public static void Backward<TIndex>(
        Embedding left,
        ReadOnlySpan<TIndex> leftIndices,
        Embedding right,
        ReadOnlySpan<TIndex> rightIndices,
        ReadOnlySpan<float> outputGradient,
        EmbeddingGradient leftGradient,
        EmbeddingGradient rightGradient,
        bool accumulate = false)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        CheckPairs(left, leftIndices, right, rightIndices);
        left.CheckBackward(leftGradient);
        right.CheckBackward(rightGradient);
        int n = leftIndices.Length;
        int dim = left.EmbeddingDim;
        Check.Length(nameof(outputGradient), outputGradient.Length, n, "leftIndices.Length");
        bool shared = leftGradient == rightGradient;

        // Room for both, before either is written; the second part of a shared gradient joins the first.
        leftGradient.Reserve(shared ? checked(2 * n) : n, accumulate);
        rightGradient.Reserve(shared ? 2 * n : n, accumulate);
        long length = (long)n * dim;
        Workspace workspace = Workspace.Rent(2 * Workspace.SizeOf<float>(length));
        try
        {
            float* leftRows = workspace.Take<float>(length);
            float* rightRows = workspace.Take<float>(length);
            left.LookUp(leftIndices, leftRows, inBackward: true);
            right.LookUp(rightIndices, rightRows, inBackward: true);
            for (int i = 0; i < n; i++)
            {
                Elementwise.Scale(leftRows + ((nint)i * dim), outputGradient[i], dim);
                Elementwise.Scale(rightRows + ((nint)i * dim), outputGradient[i], dim);
            }

            left.Scatter(leftIndices, rightRows, new GradientDestination(leftGradient, accumulate));
            right.Scatter(rightIndices, leftRows, new GradientDestination(rightGradient, accumulate || shared));
        }
        finally
        {
            workspace.Dispose();
        }

        GC.KeepAlive(left);
        GC.KeepAlive(right);
    }

    private static void DotOfCopies<TIndex>(
        Embedding left, ReadOnlySpan<TIndex> leftIndices, Embedding right, ReadOnlySpan<TIndex> rightIndices, float* output)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int n = leftIndices.Length;
        int dim = left.EmbeddingDim;
        long length = (long)n * dim;
        Workspace workspace = Workspace.Rent(2 * Workspace.SizeOf<float>(length));
        try
        {
            float* leftRows = workspace.Take<float>(length);
            float* rightRows = workspace.Take<float>(length);
            left.LookUp(leftIndices, leftRows);
            right.LookUp(rightIndices, rightRows);
            Dot<int>.Run(RowView.Dense(leftRows, n, dim), null, RowView.Dense(rightRows, n, dim), null, n, output);
        }
        finally
        {
            workspace.Dispose();
        }
    }

    private static void CheckPairs<TIndex>(Embedding left, ReadOnlySpan<TIndex> leftIndices, Embedding right, ReadOnlySpan<TIndex> rightIndices)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        if (left.EmbeddingDim != right.EmbeddingDim)
        {
            Throw.Argument(nameof(right), $"right has rows of {right.EmbeddingDim}, left of {left.EmbeddingDim}; a dot product needs equal ones.");
        }

        Check.Length(nameof(rightIndices), rightIndices.Length, leftIndices.Length, "leftIndices.Length");

        // Both sides are checked before either is read, because reading may renormalise its table.
        left.CheckIndices(leftIndices, nameof(leftIndices));
        right.CheckIndices(rightIndices, nameof(rightIndices));
    }
}
