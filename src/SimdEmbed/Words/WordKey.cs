using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace SimdEmbed.Words;

/// <summary>
/// A word in 12 bytes. One of up to <see cref="ShortLength"/> bytes is all there, with its length, so that equal keys are equal words;
/// of a longer one there are its length and a hash.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(uint))]
internal readonly struct WordKey
{
    /// <summary>The longest word that is kept whole: nine of ten in published files.</summary>
    public const int ShortLength = 11;

    private const int TagShift = 24;
    private const uint LongTag = 0xffu << TagShift;
    private const int PartLength = 4;
    private const int LastAscii = 0x7f;
    private const ulong NotAscii = 0xff80_ff80_ff80_ff80;

    // Random in every process: a file cannot bring words that it knows to collide. Odd, and so never 0.
    private static readonly ulong s_lowSecret = Secret("low");
    private static readonly ulong s_highSecret = Secret("high");

    private readonly ulong _low;
    private readonly uint _high;

    private WordKey(ulong low, uint high)
    {
        _low = low;
        _high = high;
    }

    /// <summary>The key of a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WordKey(ReadOnlySpan<byte> word)
    {
        if (word.Length > ShortLength)
        {
            // The runtime's string hash, whose secret is its own.
            int hash = string.GetHashCode(MemoryMarshal.Cast<byte, char>(word));
            _low = (uint)((word.Length & 1) == 0 ? hash : (hash * 31) + word[^1] + 1) | ((ulong)word.Length << 32);
            _high = LongTag;
            return;
        }

        _high = (uint)word.Length << TagShift;
        if (word.Length >= PartLength)
        {
            // Three parts that overlap: a length the processor has to guess would cost more than all the rest.
            int last = word.Length - PartLength;
            _low = BinaryPrimitives.ReadUInt32LittleEndian(word)
                | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(word[int.Min(last, PartLength)..]) << 32);
            _high |= BinaryPrimitives.ReadUInt32LittleEndian(word[last..]) >> 8;
        }
        else if (!word.IsEmpty)
        {
            _low = word[0] | ((ulong)word[word.Length >> 1] << 8) | ((ulong)word[^1] << 16);
        }
    }

    /// <summary>Whether the key is not the whole word.</summary>
    public bool IsLong => _high == LongTag;

    /// <summary>The key of a short word of ASCII, straight from text; false for any other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryCreate(ReadOnlySpan<char> word, out WordKey key)
    {
        Unsafe.SkipInit(out key);
        if (word.Length > ShortLength || !Vector128.IsHardwareAccelerated) return false;
        ref ushort text = ref Unsafe.As<char, ushort>(ref MemoryMarshal.GetReference(word));
        uint high = (uint)word.Length << TagShift;
        if (word.Length >= PartLength)
        {
            int last = word.Length - PartLength;
            ulong first = Part(ref text, 0);
            ulong middle = Part(ref text, int.Min(last, PartLength));
            ulong end = Part(ref text, last);
            if (((first | middle | end) & NotAscii) != 0) return false;
            Vector128<ulong> bytes = Vector128.Narrow(Vector128.Create(first, middle).AsUInt16(), Vector128.CreateScalar(end).AsUInt16()).AsUInt64();
            key = new WordKey(bytes[0], high | ((uint)bytes[1] >> 8));
            return true;
        }

        ulong low = 0;
        if (!word.IsEmpty)
        {
            (char first, char middle, char end) = (word[0], word[word.Length >> 1], word[^1]);
            if ((first | middle | end) > LastAscii) return false;
            low = first | ((ulong)middle << 8) | ((ulong)end << 16);
        }

        key = new WordKey(low, high);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Equals(WordKey other) => _low == other._low && _high == other._high;

    /// <summary>Where to look first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Place()
    {
        ulong high = Math.BigMul(_low ^ s_lowSecret, _high ^ s_highSecret, out ulong low);
        return (uint)(high ^ low);
    }

    /// <summary>Four characters.</summary>
    private static ulong Part(ref ushort text, int at) => Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<ushort, byte>(ref Unsafe.Add(ref text, at)));

    private static ulong Secret(string of) =>
        ((ulong)(uint)string.GetHashCode(of.AsSpan()) << 32) | (uint)string.GetHashCode(string.Concat(of, " half").AsSpan()) | 1;
}
