using System.Runtime.InteropServices;
using Xunit;

namespace SimdEmbed.Tests.Support;

/// <summary>A buffer between two stretches of known bits, to see a write that goes past either end.</summary>
internal sealed class Canary
{
    private const int Margin = 64;
    private const int Pattern = 0x5A5A_5A5A;
    private readonly float[] _memory;
    private readonly int _length;

    public Canary(int length)
    {
        _length = length;
        _memory = new float[length + (2 * Margin)];
        Array.Fill(_memory, BitConverter.Int32BitsToSingle(Pattern));
    }

    public Span<float> Span => _memory.AsSpan(Margin, _length);

    /// <summary>Fails when a bit outside the buffer changed.</summary>
    public void AssertIntact()
    {
        AssertPattern(_memory.AsSpan(0, Margin));
        AssertPattern(_memory.AsSpan(Margin + _length));
    }

    /// <summary>Fails when any bit changed, inside or outside.</summary>
    public void AssertUntouched() => AssertPattern(_memory);

    private static void AssertPattern(ReadOnlySpan<float> memory)
    {
        if (MemoryMarshal.Cast<float, int>(memory).ContainsAnyExcept(Pattern)) Assert.Fail("a write went outside the buffer, or an untouched buffer changed");
    }
}
