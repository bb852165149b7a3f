using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;
using SimdEmbed.Internals;

namespace SimdEmbed.Words;

/// <summary>
/// The words of a vocabulary in the order of their indices: their bytes end to end, and a table from a word's hash to its place.
/// </summary>
/// <remarks>
/// Open addressing, with a word's <see cref="WordKey"/> beside its index: a lookup of a short word touches one slot and nothing else, and a
/// slot's neighbour lies on the same cache line. A dictionary of strings takes ten times the memory, and several cache misses.
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
    public int IndexOf(ReadOnlySpan<byte> word) => _slots[Find(new WordKey(word), word)].Index - 1;

    /// <summary>The index of a word that its key says whole; -1 when it is not there.</summary>
    public int IndexOf(WordKey shortWord) => _slots[Find(shortWord, default)].Index - 1;

    /// <summary>Gives a word the next index; false when it has one already.</summary>
    public bool Add(ReadOnlySpan<byte> word)
    {
        WordKey key = new(word);
        int place = Find(key, word);
        if (_slots[place].Index != 0) return false;
        int start = _starts[Count];
        if (word.Length > Array.MaxLength - start || Count == MostWords) OutOfRoom(start, word.Length);
        if (word.Length > _bytes.Length - start) Grow(ref _bytes, start + word.Length);
        if (Count + 2 > _starts.Length) Grow(ref _starts, Count + 2);
        word.CopyTo(_bytes.AsSpan(start));
        _starts[++Count] = start + word.Length;
        _slots[place] = new Slot { Key = key, Index = Count };
        if (SlotsFor(Count) > _slots.Length) Rehash();
        return true;
    }

    /// <summary>Gives back what growing left over.</summary>
    public void Trim()
    {
        Array.Resize(ref _bytes, _starts[Count]);
        Array.Resize(ref _starts, Count + 1);
    }

    /// <summary>At most four of five slots are taken: more memory would cost more cache misses than the steps it saves.</summary>
    private static int SlotsFor(int words) => (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(words + (words / 4), FewestSlots));

    [DoesNotReturn]
    private static void OutOfRoom(int start, int length) => Throw.OutOfMemory("a vocabulary", (UInt128)start + (uint)length);

    private static void Grow<T>(ref T[] array, int needed) =>
        Array.Resize(ref array, (int)long.Clamp(array.Length * 3L / 2, needed, Array.MaxLength));

    /// <summary>The slot of a word, or the free one where it would be.</summary>
    private int Find(WordKey key, ReadOnlySpan<byte> word)
    {
        Slot[] slots = _slots;
        for (uint step = key.Place(); ; step++)
        {
            int place = (int)(step & (uint)(slots.Length - 1));
            ref Slot slot = ref slots[place];
            if (slot.Key.Equals(key) && (!key.IsLong || this[slot.Index - 1].SequenceEqual(word))) return place;
            if (slot.Index == 0) return place;
        }
    }

    private void Rehash()
    {
        Slot[] old = _slots;
        _slots = new Slot[SlotsFor(Count)];
        foreach (Slot slot in old)
        {
            if (slot.Index == 0) continue;
            uint place = slot.Key.Place();
            while (_slots[place & (uint)(_slots.Length - 1)].Index != 0) place++;
            _slots[place & (uint)(_slots.Length - 1)] = slot;
        }
    }

    /// <summary>A word's place; <see cref="Index"/> is one more than the word's, so that 0 is a free slot.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = sizeof(int))]
    private struct Slot
    {
        public WordKey Key;
        public int Index;
    }
}
