using Xunit;

namespace SimdEmbed.Tests.Support;

/// <summary>Asserts that a call is refused, and how its message begins.</summary>
internal static class Refusals
{
    public static void AssertMessage(string start, Action call) =>
        Assert.StartsWith(start, Assert.ThrowsAny<ArgumentException>(call).Message, StringComparison.Ordinal);
}
