using System.Runtime.InteropServices;
using SimdEmbed.Internals;

namespace SimdEmbed.Words;

/// <summary>
/// The bytes of all words, end to end, and where each ends; also how a hash set of indices compares them. A set of indices into
/// one block costs a tenth of a dictionary of strings, and takes words that are no valid UTF-8.
/// </summary>
internal sealed class WordKeys : IEqualityComparer<int>, IAlternateEqualityComparer<ReadOnlySpan<byte>, int>
{
    private byte[] _bytes;
    private int[] _starts;

    public WordKeys(int words, int bytes)
    {
        _bytes = new byte[bytes];
        _starts = new int[words + 1];
    }

    public int Count { get; private set; }

    /// <summary>Every word's bytes, in the order of their indices.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _starts[Count]);

    /// <summary>Where each word starts, and at the end where the last one ends: one number more than there are words.</summary>
    public ReadOnlySpan<int> Starts => _starts.AsSpan(0, Count + 1);

    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            int start = _starts[index];
            return _bytes.AsSpan(start, _starts[index + 1] - start);
        }
    }

    /// <summary>Gives back what growing left over.</summary>
    public void Trim()
    {
        Array.Resize(ref _bytes, _starts[Count]);
        Array.Resize(ref _starts, Count + 1);
    }

    public bool Equals(int x, int y) => x == y;

    public int GetHashCode(int obj) => GetHashCode(this[obj]);

    public bool Equals(ReadOnlySpan<byte> alternate, int other) => this[other].SequenceEqual(alternate);

    /// <summary>The runtime's string hash, whose secret seed a file cannot know: it cannot bring words that all collide.</summary>
    public int GetHashCode(ReadOnlySpan<byte> alternate)
    {
        int hash = string.GetHashCode(MemoryMarshal.Cast<byte, char>(alternate));
        return (alternate.Length & 1) == 0 ? hash : (hash * 31) + alternate[^1] + 1;
    }

    /// <summary>What the set calls for a word it does not have yet: the word is kept, and its index is what the set stores.</summary>
    public int Create(ReadOnlySpan<byte> alternate)
    {
        int start = _starts[Count];
        if (alternate.Length > Array.MaxLength - start) Throw.OutOfMemory("a vocabulary", (UInt128)start + (uint)alternate.Length);
        if (alternate.Length > _bytes.Length - start) Grow(ref _bytes, start + alternate.Length);
        if (Count + 2 > _starts.Length) Grow(ref _starts, Count + 2);
        alternate.CopyTo(_bytes.AsSpan(start));
        _starts[Count + 1] = start + alternate.Length;
        return Count++;
    }

    private static void Grow<T>(ref T[] array, int needed) =>
        Array.Resize(ref array, (int)long.Clamp(array.Length * 3L / 2, needed, Array.MaxLength));
}
