namespace SimdEmbed.Formats;

/// <summary>
/// The values that a pickle will refer to again, by number. Python counts from 0, so that an array holds them; numbers far beyond
/// the count are kept apart, under a hash that the file cannot foresee.
/// </summary>
internal sealed class PickleMemo
{
    private PickleValue?[] _dense = new PickleValue?[16];
    private Dictionary<uint, PickleValue>? _sparse;
    private int _count;

    /// <summary>The number that Python's next MEMOIZE means.</summary>
    public uint Next => (uint)_count;

    public void Set(uint slot, PickleValue value)
    {
        if (slot < _dense.Length || (slot < 2L * _dense.Length && _count >= _dense.Length / 2))
        {
            if (slot >= _dense.Length) Array.Resize(ref _dense, 2 * _dense.Length);
            if (_dense[slot] == null && _sparse?.Remove(slot) != true) _count++;
            _dense[slot] = value;
            return;
        }

        _sparse ??= new(SeededComparer.Instance);
        if (!_sparse.ContainsKey(slot)) _count++;
        _sparse[slot] = value;
    }

    public PickleValue? Find(uint slot)
    {
        if (slot < _dense.Length && _dense[slot] is { } value) return value;
        return _sparse != null && _sparse.TryGetValue(slot, out value) ? value : null;
    }

    private sealed class SeededComparer : IEqualityComparer<uint>
    {
        public static readonly SeededComparer Instance = new();

        public bool Equals(uint x, uint y) => x == y;

        public int GetHashCode(uint obj) => HashCode.Combine(obj);
    }
}
