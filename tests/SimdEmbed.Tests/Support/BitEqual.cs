namespace SimdEmbed.Tests.Support;

/// <summary>Equal bits, or both NaN: what results promise. A lookup promises the bits of a NaN as well.</summary>
internal static class BitEqual
{
    public static bool Values(float left, float right) => SameBits(left, right) || (float.IsNaN(left) && float.IsNaN(right));

    public static bool SameBits(float left, float right) => BitConverter.SingleToInt32Bits(left) == BitConverter.SingleToInt32Bits(right);

    public static void Assert(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what = "element") =>
        Compare(expected, actual, what, Values);

    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what = "element") =>
        Compare(expected, actual, what, SameBits);

    private static void Compare(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what, Func<float, float, bool> equal)
    {
        Xunit.Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (!equal(expected[i], actual[i]))
            {
                Xunit.Assert.Fail($"{what} {i}: expected {Text(expected[i])}, got {Text(actual[i])}");
            }
        }
    }

    private static string Text(float value) => $"{value:R} (0x{BitConverter.SingleToInt32Bits(value):X8})";
}
