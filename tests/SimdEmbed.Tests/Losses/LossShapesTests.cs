using System.Numerics.Tensors;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Losses;

public sealed class LossShapesTests
{
    private readonly float[] _input = [0.5f, -1, 2, 0.25f, 3, -0.75f];
    private readonly float[] _target = [1, 0, 1, 0, 0.5f, 1];
    private readonly long[] _classes = [2, 0];
    private readonly float[] _expected = new float[6];
    private readonly float[] _actual = new float[6];

    [Fact]
    public void Losses_of_tensors_are_those_of_plain_spans()
    {
        ReadOnlyTensorSpan<float> input = new(_input, [2, 3]);
        ReadOnlyTensorSpan<float> target = new(_target, [2, 3]);
        TensorSpan<float> gradient = new(_actual, [2, 3]);
        AssertSame(Loss.MeanSquaredError(_input, _target, _expected, Reduction.Sum), Loss.MeanSquaredError(input, target, gradient, Reduction.Sum));
        AssertSame(Loss.BinaryCrossEntropyWithLogits(_input, _target, _expected), Loss.BinaryCrossEntropyWithLogits(input, target, gradient));
        AssertSame(Loss.CrossEntropy<long>(_input, 3, _classes, _expected), Loss.CrossEntropy<long>(input, _classes, gradient));
    }

    [Fact]
    public void Losses_of_planes_are_those_of_plain_spans()
    {
        ReadOnlySpan2D<float> input = new(_input, 2, 3);
        ReadOnlySpan2D<float> target = new(_target, 2, 3);
        Span2D<float> gradient = new(_actual, 2, 3);
        AssertSame(Loss.MeanSquaredError(_input, _target, _expected, Reduction.Sum), Loss.MeanSquaredError(input, target, gradient, Reduction.Sum));
        AssertSame(Loss.BinaryCrossEntropyWithLogits(_input, _target, _expected), Loss.BinaryCrossEntropyWithLogits(input, target, gradient));
        AssertSame(Loss.CrossEntropy<long>(_input, 3, _classes, _expected), Loss.CrossEntropy<long>(input, _classes, gradient));
    }

    [Fact]
    public void Tensors_of_another_shape_are_refused_by_name()
    {
        Refusals.AssertMessage(
            "target has shape [3, 2]; expected [2, 3].",
            () => Loss.MeanSquaredError(new ReadOnlyTensorSpan<float>(_input, [2, 3]), new ReadOnlyTensorSpan<float>(_target, [3, 2]), new TensorSpan<float>(_actual, [2, 3])));
        Refusals.AssertMessage(
            "gradient has shape [6]; expected [2, 3].",
            () => Loss.BinaryCrossEntropyWithLogits(new ReadOnlyTensorSpan<float>(_input, [2, 3]), new ReadOnlyTensorSpan<float>(_target, [2, 3]), new TensorSpan<float>(_actual, [6])));
        Refusals.AssertMessage(
            "logits has rank 1; expected [n, classes].",
            () => Loss.CrossEntropy<long>(new ReadOnlyTensorSpan<float>(_input, [6]), _classes, new TensorSpan<float>(_actual, [6])));
        Refusals.AssertMessage(
            "target has 2 elements; expected 3 (the rows of logits).",
            () => Loss.CrossEntropy<long>(new ReadOnlyTensorSpan<float>(_input, [3, 2]), _classes, new TensorSpan<float>(_actual, [3, 2])));
        Assert.Equal(new float[6], _actual);
    }

    [Fact]
    public void Planes_of_another_shape_or_with_gaps_are_refused_by_name()
    {
        Refusals.AssertMessage(
            "gradient has shape [3, 2]; expected [2, 3].",
            () => Loss.MeanSquaredError(new ReadOnlySpan2D<float>(_input, 2, 3), new ReadOnlySpan2D<float>(_target, 2, 3), new Span2D<float>(_actual, 3, 2)));
        Refusals.AssertMessage(
            "target has shape [3, 2]; expected [2, 3].",
            () => Loss.BinaryCrossEntropyWithLogits(new ReadOnlySpan2D<float>(_input, 2, 3), new ReadOnlySpan2D<float>(_target, 3, 2), new Span2D<float>(_actual, 2, 3)));
        Refusals.AssertMessage(
            "target has 2 elements; expected 3 (the rows of logits).",
            () => Loss.CrossEntropy<long>(new ReadOnlySpan2D<float>(_input, 3, 2), _classes, new Span2D<float>(_actual, 3, 2)));
        Refusals.AssertMessage(
            "prediction is a strided view",
            () => Loss.MeanSquaredError(new ReadOnlySpan2D<float>(_input, 0, 2, 2, 1), new ReadOnlySpan2D<float>(_target, 2, 2), new Span2D<float>(_actual, 2, 2)));
        Assert.Equal(new float[6], _actual);
    }

    private void AssertSame(float expected, float actual)
    {
        BitEqual.AssertSameBits([expected], [actual], "loss");
        BitEqual.AssertSameBits(_expected, _actual, "gradient");
        Array.Clear(_actual);
    }
}
