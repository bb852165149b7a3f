using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;
using SimdEmbed.Internals;

namespace SimdEmbed.Words;

/// <summary>
/// The words of a vocabulary in the order of their indices: their bytes end to end, and a table from a word's hash to its place.
/// </summary>
/// <remarks>
/// Open addressing, with the word's place beside its hash: a lookup touches one slot and the word. A hash set of indices touches a
/// bucket, an entry, an offset and the word, and took 1.5 times as long; a dictionary of strings takes ten times the memory.
/// </remarks>
internal sealed class WordKeys
{
    public const int MostWords = 1 << 29;

    private const int FewestSlots = 16;

    private byte[] _bytes;
    private int[] _starts;
    private Slot[] _slots;

    /// <param name="words">How many are expected; more may come.</param>
    /// <param name="bytes">How many bytes they are expected to have together.</param>
    public WordKeys(int words, int bytes)
    {
        _bytes = new byte[bytes];
        _starts = new int[words + 1];
        _slots = new Slot[SlotsFor(words)];
    }

    public int Count { get; private set; }

    /// <summary>Every word's bytes.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _starts[Count]);

    /// <summary>Where each word starts, and at the end where the last one ends: one number more than there are words.</summary>
    public ReadOnlySpan<int> Starts => _starts.AsSpan(0, Count + 1);

    public ReadOnlySpan<byte> this[int index] => _bytes.AsSpan(_starts[index].._starts[index + 1]);

    /// <summary>The index of a word; -1 when it is not there.</summary>
    public int IndexOf(ReadOnlySpan<byte> word) => _slots[Find(word, Hash(word))].Index - 1;

    /// <summary>Gives a word the next index; false when it has one already.</summary>
    public bool Add(ReadOnlySpan<byte> word)
    {
        uint hash = Hash(word);
        int place = Find(word, hash);
        if (_slots[place].Index != 0) return false;
        int start = _starts[Count];
        if (word.Length > Array.MaxLength - start || Count == MostWords) OutOfRoom(start, word.Length);
        if (word.Length > _bytes.Length - start) Grow(ref _bytes, start + word.Length);
        if (Count + 2 > _starts.Length) Grow(ref _starts, Count + 2);
        word.CopyTo(_bytes.AsSpan(start));
        _starts[++Count] = start + word.Length;
        _slots[place] = new Slot { Hash = hash, Index = Count, Start = start, Length = word.Length };
        if (SlotsFor(Count) > _slots.Length) Rehash();
        return true;
    }

    /// <summary>Gives back what growing left over.</summary>
    public void Trim()
    {
        Array.Resize(ref _bytes, _starts[Count]);
        Array.Resize(ref _starts, Count + 1);
    }

    /// <summary>The runtime's string hash, whose secret seed a file cannot know: it cannot bring words that all collide.</summary>
    private static uint Hash(ReadOnlySpan<byte> word)
    {
        int hash = string.GetHashCode(MemoryMarshal.Cast<byte, char>(word));
        return (uint)((word.Length & 1) == 0 ? hash : (hash * 31) + word[^1] + 1);
    }

    /// <summary>At most half of the slots are taken, so that the next free one is near.</summary>
    private static int SlotsFor(int words) => (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(words * 2, FewestSlots));

    [DoesNotReturn]
    private static void OutOfRoom(int start, int length) => Throw.OutOfMemory("a vocabulary", (UInt128)start + (uint)length);

    private static void Grow<T>(ref T[] array, int needed) =>
        Array.Resize(ref array, (int)long.Clamp(array.Length * 3L / 2, needed, Array.MaxLength));

    /// <summary>The slot of a word, or the free one where it would be.</summary>
    private int Find(ReadOnlySpan<byte> word, uint hash)
    {
        Slot[] slots = _slots;
        for (uint place = hash; ; place++)
        {
            ref Slot slot = ref slots[place & (slots.Length - 1)];
            if (slot.Index == 0) return (int)(place & (slots.Length - 1));
            if (slot.Hash == hash && _bytes.AsSpan(slot.Start, slot.Length).SequenceEqual(word)) return (int)(place & (slots.Length - 1));
        }
    }

    private void Rehash()
    {
        Slot[] old = _slots;
        _slots = new Slot[SlotsFor(Count)];
        foreach (Slot slot in old)
        {
            if (slot.Index == 0) continue;
            uint place = slot.Hash;
            while (_slots[place & (_slots.Length - 1)].Index != 0) place++;
            _slots[place & (_slots.Length - 1)] = slot;
        }
    }

    /// <summary>A word's place; <see cref="Index"/> is one more than the word's, so that 0 is a free slot.</summary>
    private struct Slot
    {
        public uint Hash;
        public int Index;
        public int Start;
        public int Length;
    }
}
