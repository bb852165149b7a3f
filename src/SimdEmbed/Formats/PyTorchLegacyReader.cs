using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace SimdEmbed.Formats;

/// <summary>
/// Reads what <c>torch.save</c> wrote before PyTorch 1.6: five pickles one behind the other - a magic number, a version, facts of the
/// machine, the object, the keys of its storages - and then for each key a count and the raw elements.
/// </summary>
internal static class PyTorchLegacyReader
{
    private const int FirstWindow = 1 << 14;
    private const int Version = 1001;

    private static readonly Int128 s_magic = Int128.Parse("1950a86a20f9469cfc6c", System.Globalization.NumberStyles.HexNumber, null);

    public static bool TryOpen(FileBytes file, [NotNullWhen(true)] out PyTorchContent? content, ref FormatError error)
    {
        content = null;
        TorchObjects torch = new(null, "", file.Length);
        Pickles pickles = new(file, torch);
        if (!TryHead(pickles, ref error)) return false;
        if (!pickles.TryNext(out PickleValue root, ref error) || !pickles.TryNext(out PickleValue keys, ref error)) return false;
        return TryPlaceStorages(file, torch, keys, pickles.Position, ref error)
            && PyTorchContent.TryCreate(TableFileFormat.PyTorchLegacy, file.Length, root, torch.Allowance, out content, ref error);
    }

    private static bool TryHead(Pickles pickles, ref FormatError error)
    {
        if (!pickles.TryNext(out PickleValue magic, ref error)) return false;
        if (magic is not PickleInteger { Value: var number } || number != s_magic)
        {
            return error.Fail("legacy-magic", 0, "is a pickle, but does not start with the magic number of torch.save");
        }

        long at = pickles.Position;
        if (!pickles.TryNext(out PickleValue version, ref error)) return false;
        if (version is not PickleInteger { Value: var found } || found != Version)
        {
            string text = version is PickleInteger other ? other.Value.ToString() : version.Kind;
            return error.Fail("legacy-version", at, $"the version of the legacy file is {text}; expected {Version}");
        }

        at = pickles.Position;
        if (!pickles.TryNext(out PickleValue machine, ref error)) return false;
        return (machine is PickleDict facts && facts.Find(new PickleString("little_endian")) is PickleBool { Value: true })
            || error.Fail("legacy-byteorder", at, "the legacy file does not say that it is little-endian; other byte orders are not read");
    }

    /// <summary>The elements follow in the order of the keys, and nothing follows them.</summary>
    private static bool TryPlaceStorages(FileBytes file, TorchObjects torch, PickleValue keys, long position, ref FormatError error)
    {
        if (keys is not PickleList { IsSet: false } list)
        {
            return error.Fail("legacy-keys", position, $"the legacy file names its storages by {keys.Kind}; expected a list of keys");
        }

        Span<byte> field = stackalloc byte[sizeof(long)];
        foreach (PickleValue item in list.Items)
        {
            if (item is not PickleString { Value: var key } || !torch.Storages.TryGetValue(key, out TorchStorage? storage))
            {
                string text = item is PickleString given ? FormatError.Quote(given.Value) : item.Kind;
                return error.Fail("legacy-keys", position, $"the legacy file has a storage {text} that no tensor refers to");
            }

            if (storage.Bytes != null) return error.Fail("legacy-keys", position, $"the legacy file has storage {FormatError.Quote(key)} twice");
            if (file.Length - position < field.Length) return Cut(file, key, ref error);
            if (!file.TryRead(position, field, ref error)) return false;
            long numel = BinaryPrimitives.ReadInt64LittleEndian(field);
            if (numel != storage.Numel)
            {
                return error.Fail(
                    "storage-length", position, $"storage {FormatError.Quote(key)} has {numel} elements; its tensors expect {storage.Numel}");
            }

            position += field.Length;
            long bytes = numel * storage.Dtype.ElementBytes();
            if (bytes > file.Length - position) return Cut(file, key, ref error);
            storage.Bytes = new PlainBytes(file, position, bytes);
            position += bytes;
        }

        if (position != file.Length)
        {
            return error.Fail("legacy-trailing", position, $"{file.Length - position} bytes follow the last storage of the legacy file");
        }

        foreach ((string key, TorchStorage storage) in torch.Storages)
        {
            if (storage.Bytes == null) return error.Fail("storage-missing", -1, $"the file has no storage {FormatError.Quote(key)}");
        }

        return true;
    }

    private static bool Cut(FileBytes file, string key, ref FormatError error) =>
        error.Fail("file-length", file.Length, $"the file ends inside storage {FormatError.Quote(key)}");

    /// <summary>
    /// Pickles one behind the other, of unknown length: as much of the file is read as they need, four times as much whenever that
    /// was too little, so that the time stays linear and the data behind them unread.
    /// </summary>
    private sealed class Pickles(FileBytes file, TorchObjects torch)
    {
        private byte[] _window = [];
        private long _windowAt;
        private int _next;

        /// <summary>Where the next pickle starts in the file.</summary>
        public long Position => _windowAt + _next;

        public bool TryNext(out PickleValue value, ref FormatError error)
        {
            long spent = torch.Allowance.Spent;
            while (true)
            {
                torch.Allowance.Spent = spent;
                if (PickleMachine.TryRunNext(_window, ref _next, _windowAt, torch, out value, out bool hasRunOut, ref error))
                {
                    return true;
                }

                long left = file.Length - Position;
                long read = _window.Length - _next;
                long wanted = Math.Min(left, Math.Max(FirstWindow, 4L * read));
                if (!hasRunOut || wanted <= read || wanted > Array.MaxLength) return false;
                wanted = Math.Min(wanted, file.MaxBytes);
                if (wanted <= read) return file.TryAllow("a pickle", read + 1, Position, ref error);
                _windowAt = Position;
                _next = 0;
                _window = new byte[wanted];
                spent += wanted;
                if (!file.TryRead(_windowAt, _window, ref error)) return false;
            }
        }
    }
}
