using System.Globalization;

namespace SimdEmbed.Tests.Golden;

/// <summary>How close a result has to be to PyTorch's; a mismatch throws and names the element.</summary>
internal static class GoldenCompare
{
    /// <summary>What rounding changes a float by at most, relative to it.</summary>
    public const double HalfUlp = 1.0 / (1 << 24);

    /// <summary>Equal bits, or both NaN.</summary>
    public static void Same(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what) => All(
        expected, actual, what, static (e, a) => BitConverter.SingleToInt32Bits(e) == BitConverter.SingleToInt32Bits(a));

    /// <summary>Within <paramref name="tolerance"/> relative to max(|expected|, 0.01).</summary>
    public static void Near(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what) => All(
        expected, actual, what, (e, a) => Math.Abs((double)e - a) <= tolerance * Math.Max(Math.Abs((double)e), 0.01));

    /// <summary>
    /// As <see cref="Near"/>, or nearer than <paramref name="roundings"/> roundings of an element's terms can put two correct results: where
    /// terms cancel, the order of additions alone may be more than the tolerance. <paramref name="magnitudes"/> holds, for each element, the
    /// same result over the absolute values of its terms.
    /// </summary>
    public static void NearTerms(
        ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, ReadOnlySpan<float> magnitudes, int roundings, string what)
    {
        if (expected.Length != actual.Length) throw new GoldenException($"{what}: {actual.Length} elements instead of {expected.Length}");
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs((double)expected[i] - actual[i]) <= magnitudes[i] * HalfUlp * roundings)) Near(expected.Slice(i, 1), actual.Slice(i, 1), tolerance, $"{what}, element {i}:");
        }
    }

    /// <summary>At most <paramref name="distance"/> apart.</summary>
    public static void Within(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double distance, string what) => All(
        expected, actual, what, (e, a) => Math.Abs((double)e - a) <= distance);

    /// <summary>At most <paramref name="ulps"/> representable numbers apart.</summary>
    public static void WithinUlps(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double ulps, string what) => All(
        expected, actual, what, (e, a) => Math.Abs(Order(e) - Order(a)) <= ulps);

    /// <summary>A number whose difference to another float's is how many floats lie between them.</summary>
    public static long Order(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value);
        return bits >= 0 ? bits : int.MinValue - (long)bits;
    }

    private static void All(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what, Func<float, float, bool> close)
    {
        if (expected.Length != actual.Length) throw new GoldenException($"{what}: {actual.Length} elements instead of {expected.Length}");
        for (int i = 0; i < expected.Length; i++)
        {
            // Equals takes NaN for equal to NaN, and an infinity to itself, whose difference is NaN. It also takes -0.0 for 0.0.
            bool same = close(expected[i], actual[i]) || (expected[i].Equals(actual[i]) && !float.IsFinite(expected[i]));
            if (!same)
            {
                throw new GoldenException(string.Create(CultureInfo.InvariantCulture, $"{what} {i}: PyTorch has {expected[i]:R}, here it is {actual[i]:R}"));
            }
        }
    }
}
