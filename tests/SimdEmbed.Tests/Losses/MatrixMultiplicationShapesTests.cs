using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Losses;

public sealed class MatrixMultiplicationShapesTests
{
    [Fact]
    public void A_product_of_shaped_spans_is_that_of_plain_ones()
    {
        float[] left = [1, 2, 3, 4, 5, 6], right = [1, 0, 2, -1, 3, 1], plain = new float[4], shaped = new float[4];
        MatrixMultiplication.Forward(left, right, 3, plain);
        MatrixMultiplication.Forward(new ReadOnlyTensorSpan<float>(left, [2, 3]), new ReadOnlyTensorSpan<float>(right, [3, 2]), new TensorSpan<float>(shaped, [2, 2]));
        Assert.Equal(plain, shaped);
        Array.Clear(shaped);
        MatrixMultiplication.Forward(new ReadOnlySpan2D<float>(left, 2, 3), new ReadOnlySpan2D<float>(right, 3, 2), new Span2D<float>(shaped, 2, 2));
        Assert.Equal(plain, shaped);
        Assert.Equal([14, 1, 32, 1], plain);
    }

    [Fact]
    public void Gradients_of_shaped_spans_are_those_of_plain_ones()
    {
        float[] left = [1, 2, 3, 4, 5, 6], right = [1, 0, 2, -1, 3, 1], upper = [1, -2, 0.5f, 3];
        float[] leftGradient = new float[6], rightGradient = new float[6], shapedLeft = new float[6], shapedRight = new float[6];
        MatrixMultiplication.Backward(left, right, 3, upper, leftGradient, rightGradient);
        MatrixMultiplication.Backward(
            new ReadOnlyTensorSpan<float>(left, [2, 3]),
            new ReadOnlyTensorSpan<float>(right, [3, 2]),
            new ReadOnlyTensorSpan<float>(upper, [2, 2]),
            new TensorSpan<float>(shapedLeft, [2, 3]),
            new TensorSpan<float>(shapedRight, [3, 2]));
        Assert.Equal(leftGradient, shapedLeft);
        Assert.Equal(rightGradient, shapedRight);
        Array.Clear(shapedLeft);
        Array.Clear(shapedRight);
        MatrixMultiplication.Backward(
            new ReadOnlySpan2D<float>(left, 2, 3),
            new ReadOnlySpan2D<float>(right, 3, 2),
            new ReadOnlySpan2D<float>(upper, 2, 2),
            new Span2D<float>(shapedLeft, 2, 3),
            new Span2D<float>(shapedRight, 3, 2));
        Assert.Equal(leftGradient, shapedLeft);
        Assert.Equal(rightGradient, shapedRight);
        Assert.Equal([1, 4, 1, 0.5f, -2, 4.5f], leftGradient);
        Assert.Equal([3, 10, 4.5f, 11, 6, 12], rightGradient);
    }

    [Fact]
    public void Tensors_that_do_not_fit_are_refused_by_name()
    {
        Forward("left has rank 1; expected a matrix.", [6], [3, 2], [2, 2]);
        Forward("right has rank 3; expected a matrix.", [2, 3], [3, 2, 1], [2, 2]);
        Forward("right has shape [2, 3]; expected [3, 3].", [2, 3], [2, 3], [2, 2]);
        Forward("product has shape [4, 1]; expected [2, 2].", [2, 3], [3, 2], [4, 1]);
        Backward("left has rank 1; expected a matrix.", [6], [3, 2], [2, 2], [6], [3, 2]);
        Backward("right has shape [2, 3]; expected [3, 3].", [2, 3], [2, 3], [2, 2], [2, 3], [2, 3]);
        Backward("productGradient has shape [4]; expected [2, 2].", [2, 3], [3, 2], [4], [2, 3], [3, 2]);
        Backward("leftGradient has shape [3, 2]; expected [2, 3].", [2, 3], [3, 2], [2, 2], [3, 2], [3, 2]);
        Backward("rightGradient has shape [6]; expected [3, 2].", [2, 3], [3, 2], [2, 2], [2, 3], [6]);

        static void Forward(string message, nint[] left, nint[] right, nint[] product) => Refusals.AssertMessage(
            message,
            () => MatrixMultiplication.Forward(
                new ReadOnlyTensorSpan<float>(new float[6], left), new ReadOnlyTensorSpan<float>(new float[6], right), new TensorSpan<float>(new float[4], product)));

        static void Backward(string message, nint[] left, nint[] right, nint[] product, nint[] leftGradient, nint[] rightGradient) => Refusals.AssertMessage(
            message,
            () => MatrixMultiplication.Backward(
                new ReadOnlyTensorSpan<float>(new float[6], left),
                new ReadOnlyTensorSpan<float>(new float[6], right),
                new ReadOnlyTensorSpan<float>(new float[4], product),
                new TensorSpan<float>(new float[6], leftGradient),
                new TensorSpan<float>(new float[6], rightGradient)));
    }

    [Fact]
    public void Planes_that_do_not_fit_are_refused_by_name()
    {
        float[] six = new float[6], four = new float[4], left = new float[6], right = new float[6];
        Refusals.AssertMessage(
            "right has shape [2, 3]; expected [3, 3].",
            () => MatrixMultiplication.Forward(new ReadOnlySpan2D<float>(six, 2, 3), new ReadOnlySpan2D<float>(six, 2, 3), new Span2D<float>(four, 2, 2)));
        Refusals.AssertMessage(
            "product has shape [1, 4]; expected [2, 2].",
            () => MatrixMultiplication.Forward(new ReadOnlySpan2D<float>(six, 2, 3), new ReadOnlySpan2D<float>(six, 3, 2), new Span2D<float>(four, 1, 4)));
        Backward("productGradient has shape [4, 1]; expected [2, 2].", 4, 2, 3);
        Backward("leftGradient has shape [3, 2]; expected [2, 3].", 2, 3, 3);
        Backward("rightGradient has shape [2, 3]; expected [3, 2].", 2, 2, 2);

        void Backward(string message, int productRows, int leftRows, int rightRows) => Refusals.AssertMessage(
            message,
            () => MatrixMultiplication.Backward(
                new ReadOnlySpan2D<float>(six, 2, 3),
                new ReadOnlySpan2D<float>(six, 3, 2),
                new ReadOnlySpan2D<float>(four, productRows, 4 / productRows),
                new Span2D<float>(left, leftRows, 6 / leftRows),
                new Span2D<float>(right, rightRows, 6 / rightRows)));
    }
}
