using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
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
}
