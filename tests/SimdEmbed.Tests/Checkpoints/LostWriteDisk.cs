using SimdEmbed.Checkpoints;
using SimdEmbed.Formats;

namespace SimdEmbed.Tests.Checkpoints;

/// <summary>
/// A file system in memory that loses power: what was not flushed may be on the disk or not, each sector of a file and each name in the
/// directory on its own. <see cref="Crash"/> makes one of the legal outcomes.
/// </summary>
internal sealed class LostWriteDisk : ICheckpointDisk
{
    private const int SectorBytes = 512;

    private readonly Dictionary<string, Node> _names = [];
    private readonly Dictionary<string, Node> _durableNames = [];
    private readonly List<Action<Dictionary<string, Node>>> _pendingNames = [];

    /// <summary>Called after everything that changes the disk.</summary>
    public Action? Changed { get; set; }

    /// <summary>The number of the change at which the disk fails instead; counts down.</summary>
    public int FailAt { get; set; } = -1;

    /// <summary>Planted faults: flushing that does nothing.</summary>
    public bool SkipsFileSync { get; init; }

    public bool SkipsDirectorySync { get; init; }

    public void CreateDirectory(string directory)
    {
    }

    public string[] List(string directory) => [.. _names.Keys];

    public IDisposable? TryLock(string path) => new MemoryStream();

    public ICheckpointOutput Create(string path, long bytes)
    {
        BeforeChange();
        string name = Path.GetFileName(path);
        if (_names.ContainsKey(name)) throw new IOException($"'{name}' is there already");
        Node node = new();
        Rename(names => names[name] = node);
        return new Output(this, node);
    }

    public FileBytes Open(string path) =>
        _names.TryGetValue(Path.GetFileName(path), out Node? node) ? new FileBytes(node.Content) : throw new FileNotFoundException(path);

    public void Rename(string from, string to)
    {
        BeforeChange();
        Rename(names =>
        {
            if (names.Remove(Path.GetFileName(from), out Node? node)) names[Path.GetFileName(to)] = node;
            else if (_names.TryGetValue(Path.GetFileName(to), out Node? made)) names[Path.GetFileName(to)] = made;
        });
    }

    public void Delete(string path)
    {
        BeforeChange();
        Rename(names => names.Remove(Path.GetFileName(path)));
    }

    public void SyncDirectory(string directory)
    {
        BeforeChange();
        if (SkipsDirectorySync) return;
        _durableNames.Clear();
        foreach ((string name, Node node) in _names) _durableNames[name] = node;
        _pendingNames.Clear();
        Changed?.Invoke();
    }

    /// <summary>What is left after the power was lost: files by name.</summary>
    public CrashedDisk Crash(Random random)
    {
        // Everything, nothing and all in between: a fair coin alone would hardly ever keep or lose all of a long list.
        double kept = random.Next(4) switch { 0 => 0, 1 => 1, _ => random.NextDouble() };
        Dictionary<string, Node> names = new(_durableNames);
        foreach (Action<Dictionary<string, Node>> change in _pendingNames)
        {
            if (random.NextDouble() < kept) change(names);
        }

        return new CrashedDisk(names.ToDictionary(entry => entry.Key, entry => entry.Value.Crash(random)));
    }

    private void BeforeChange()
    {
        if (FailAt >= 0 && FailAt-- == 0) throw new IOException("No space left on device", 28);
    }

    private void Rename(Action<Dictionary<string, Node>> change)
    {
        change(_names);
        _pendingNames.Add(change);
        Changed?.Invoke();
    }

    /// <summary>A file: what it holds, what is on the disk, and what was done since.</summary>
    private sealed class Node
    {
        private readonly List<(long Offset, byte[] Bytes)> _writes = [];
        private readonly List<int> _lengths = [];
        private byte[] _durable = [];

        public byte[] Content { get; private set; } = [];

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            if (offset + bytes.Length > Content.Length) SetLength(offset + bytes.Length);
            bytes.CopyTo(Content.AsSpan((int)offset));
            _writes.Add((offset, bytes.ToArray()));
        }

        public void SetLength(long length)
        {
            byte[] content = Content;
            Array.Resize(ref content, (int)length);
            Content = content;
            _lengths.Add((int)length);
        }

        public void Sync()
        {
            _durable = (byte[])Content.Clone();
            _writes.Clear();
            _lengths.Clear();
        }

        public byte[] Crash(Random random)
        {
            if (_writes.Count == 0 && _lengths.Count == 0) return _durable;
            double kept = random.Next(4) switch { 0 => 0, 1 => 1, _ => random.NextDouble() };
            int seen = random.Next(_lengths.Count + 1);
            int length = seen == _lengths.Count ? Content.Length : seen == 0 ? _durable.Length : _lengths[seen - 1];
            byte[] content = new byte[length];

            // Space that was given to the file and never written shows zeros, or what another file had there.
            if (random.Next(2) == 0) random.NextBytes(content);
            _durable.AsSpan(0, int.Min(_durable.Length, length)).CopyTo(content);
            foreach ((long offset, byte[] bytes) in _writes)
            {
                for (int done = 0; done < bytes.Length;)
                {
                    int count = int.Min(bytes.Length - done, SectorBytes - (int)((offset + done) % SectorBytes));
                    int inside = (int)long.Clamp(length - offset - done, 0, count);
                    if (random.NextDouble() < kept) bytes.AsSpan(done, inside).CopyTo(content.AsSpan((int)long.Min(offset + done, length)));
                    done += count;
                }
            }

            return content;
        }
    }

    private sealed class Output(LostWriteDisk disk, Node node) : ICheckpointOutput
    {
        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            disk.BeforeChange();
            if (!bytes.IsEmpty) node.Write(offset, bytes);
            disk.Changed?.Invoke();
        }

        public void SetLength(long length) => Change(() => node.SetLength(length));

        public void Sync() => Change(() => { if (!disk.SkipsFileSync) node.Sync(); });

        public void Dispose()
        {
        }

        private void Change(Action change)
        {
            disk.BeforeChange();
            change();
            disk.Changed?.Invoke();
        }
    }
}

/// <summary>Files to be read.</summary>
internal sealed class CrashedDisk(Dictionary<string, byte[]> files) : ICheckpointDisk
{
    public void CreateDirectory(string directory) => throw new NotSupportedException();

    public string[] List(string directory) => [.. files.Keys];

    public IDisposable? TryLock(string path) => throw new NotSupportedException();

    public ICheckpointOutput Create(string path, long bytes) => throw new NotSupportedException();

    public FileBytes Open(string path) =>
        files.TryGetValue(Path.GetFileName(path), out byte[]? bytes) ? new FileBytes(bytes) : throw new FileNotFoundException($"'{path}' is missing");

    public void Rename(string from, string to) => throw new NotSupportedException();

    public void Delete(string path) => throw new NotSupportedException();

    public void SyncDirectory(string directory) => throw new NotSupportedException();
}
