namespace SimdEmbed.Formats;

/// <summary>
/// The values that a pickle will refer to again, by number. Python counts from 0, so that an array holds them; numbers far beyond the
/// count are kept apart and in order, because a file can choose numbers that collide under a hash.
/// </summary>
internal sealed class PickleMemo
{
    private const int DenseBytes = 32;
    private const int SparseBytes = 64;

    private PickleValue?[] _dense = new PickleValue?[16];
    private SortedDictionary<uint, PickleValue>? _sparse;
    private int _count;

    /// <summary>The number that Python's next MEMOIZE means.</summary>
    public uint Next => (uint)_count;

    /// <summary>What setting a slot takes: a place in an array that doubles, or a node of a tree.</summary>
    public int BytesOf(uint slot) => IsDense(slot) ? DenseBytes : SparseBytes;

    public void Set(uint slot, PickleValue value)
    {
        if (IsDense(slot))
        {
            if (slot >= _dense.Length) Array.Resize(ref _dense, 2 * _dense.Length);
            if (_dense[slot] == null && _sparse?.Remove(slot) != true) _count++;
            _dense[slot] = value;
            return;
        }

        _sparse ??= [];
        if (!_sparse.ContainsKey(slot)) _count++;
        _sparse[slot] = value;
    }

    public PickleValue? Find(uint slot)
    {
        if (slot < _dense.Length && _dense[slot] is { } value) return value;
        return _sparse != null && _sparse.TryGetValue(slot, out value) ? value : null;
    }

    private bool IsDense(uint slot) => slot < _dense.Length || (slot < 2L * _dense.Length && _count >= _dense.Length / 2);
}
