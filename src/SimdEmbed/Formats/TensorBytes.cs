namespace SimdEmbed.Formats;

/// <summary>The bytes of one tensor or storage, wherever in a file they are.</summary>
internal abstract unsafe class TensorBytes(long length) : IDisposable
{
    public long Length { get; } = length;

    /// <summary>Where they start in the file; null when they are not in it as they are, but compressed.</summary>
    public abstract long? FileOffset { get; }

    /// <summary>Whether the format has a sum for them, which reading all of them compares.</summary>
    public virtual bool HasSum => false;

    /// <summary>Reads <paramref name="count"/> bytes from <paramref name="skip"/> on; both lie inside <see cref="Length"/>.</summary>
    public abstract bool TryRead(long skip, byte* destination, long count, ref FormatError error);

    /// <summary>Goes through all bytes when the format has a sum for them that was not looked at yet.</summary>
    public virtual bool TryVerify(ref FormatError error) => true;

    /// <summary>Gives back what reading needed; it can be read again.</summary>
    public void Dispose() => Release();

    protected virtual void Release()
    {
    }
}

/// <summary>A part of a file.</summary>
internal sealed unsafe class PlainBytes(FileBytes file, long offset, long length) : TensorBytes(length)
{
    public override long? FileOffset => offset;

    public override bool TryRead(long skip, byte* destination, long count, ref FormatError error) =>
        file.TryRead(offset + skip, destination, count, ref error);
}
