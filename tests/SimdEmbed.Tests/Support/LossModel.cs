using SimdEmbed.Reference;

namespace SimdEmbed.Tests.Support;

/// <summary>A use of a loss, and of a matrix product, on numbers of the case.</summary>
internal sealed class LossModel(int seed) : Model(seed)
{
    public static string[] Classes => CommonClasses;

    protected override void Check<TIndex>()
    {
        float[] prediction = Values(Indices.Length * Dim);
        float[] target = [.. prediction.Select((value, i) => (value * 0.5f) + i)];
        Canary gradient = new(prediction.Length);
        float loss = Loss.MeanSquaredError(prediction, target, gradient.Span);
        Require(BitEqual.Values(ReferenceMath.MeanSquaredError(prediction, target), loss), "another loss");
        BitEqual.Assert(ReferenceMath.MeanSquaredErrorGradient(prediction, target), gradient.Span, "loss gradient");
        gradient.AssertIntact();

        // [n, dim] x [dim, m], with m around a vector's width.
        int n = int.Min(Indices.Length, 20);
        int m = 1 + (Rows % 19);
        float[] left = prediction[..(n * Dim)], right = Values(Dim * m), upper = Values(n * m);
        Canary product = new(n * m), leftGradient = new(left.Length), rightGradient = new(right.Length);
        MatrixMultiplication.Forward(left, right, Dim, product.Span);
        MatrixMultiplication.Backward(left, right, Dim, upper, leftGradient.Span, rightGradient.Span);
        BitEqual.Assert(ReferenceMath.Product(left, right, n, Dim, m), product.Span, "product");
        BitEqual.Assert(ReferenceMath.Product(upper, ReferenceMath.Transpose(right, Dim, m), n, m, Dim), leftGradient.Span, "left gradient");
        float[] leftTransposed = ReferenceMath.Transpose(left, n, Dim);
        float[] expected = n == 0 ? new float[right.Length] : ReferenceMath.Product(leftTransposed, upper, Dim, n, m);
        BitEqual.Assert(expected, rightGradient.Span, "right gradient");
        product.AssertIntact();
        leftGradient.AssertIntact();
        rightGradient.AssertIntact();
    }
}
