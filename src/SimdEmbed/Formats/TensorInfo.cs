using System.Diagnostics;
using SimdEmbed.Formats;

namespace SimdEmbed;

/// <summary>What a file says of one of its tensors, checked against the file; nothing of its data has been read.</summary>
[DebuggerDisplay("{Name} {Dtype}")]
public sealed class TensorInfo
{
    internal TensorInfo(string name, TensorView view)
    {
        Name = name;
        View = view;
    }

    /// <summary>
    /// The tensor's name. In PyTorch files, keys of dicts and places in lists joined by dots: <c>model.emb.weight</c>. Empty for a
    /// tensor that is all of its file, as in <c>.npy</c>.
    /// </summary>
    public string Name { get; }

    /// <summary>The type of its elements.</summary>
    public TensorDtype Dtype => View.Dtype;

    /// <summary>The size of each dimension; empty for a single number.</summary>
    public ReadOnlySpan<long> Shape => View.Shape;

    /// <summary>The number of elements: the product of <see cref="Shape"/>.</summary>
    public long Count => View.Count;

    /// <summary>The bytes of all elements, side by side.</summary>
    public long ByteLength => View.ByteLength;

    /// <summary>The byte of the file where the first element starts; null when it is compressed or the tensor is empty and nowhere.</summary>
    public long? Offset => View.Place < 0 ? null : View.Place;

    /// <summary>
    /// Whether the elements lie in the file as a table has them, in row-major order, uncompressed and little-endian, so that the
    /// file can be mapped.
    /// </summary>
    public bool IsRowMajor => View.IsContiguous && !View.IsBigEndian && View.Bytes.FileOffset != null;

    /// <summary>
    /// Whether a table can be made of it: rank 2, at least one column, and floats; or a compact table's codes, which have their scale
    /// and bias in another tensor, that is no table then.
    /// </summary>
    public bool IsTable => Compact != null || (!IsPart && View.Dtype.IsTableFloat() && View.Shape is [_, >= 1 and <= int.MaxValue]);

    /// <summary>How the table's rows are stored, where they lie in the file as a table has them; null for no table, and for other floats.</summary>
    public RowCodec? Codec => Compact?.Codec ?? (IsTable ? View.Dtype.Codec() : null);

    /// <summary>The columns of the table; 0 for no table.</summary>
    public int Dim => Compact?.Dim ?? (IsTable ? (int)View.Shape[1] : 0);

    /// <summary>Bytes in the file of one row of the table, with its scale and bias; 0 for no table.</summary>
    public long RowBytes => Compact?.RowBytes ?? (IsTable ? View.Shape[1] * View.Dtype.ElementBytes() : 0);

    internal TensorView View { get; }

    /// <summary>What the tensor is the codes of, or null.</summary>
    internal CompactRows? Compact { get; set; }

    /// <summary>Whether it is the scale and bias of another tensor's codes.</summary>
    internal bool IsPart { get; set; }

    /// <summary>Name, type and shape in PyTorch's words: <c>emb.weight: float32 [100, 6]</c>.</summary>
    /// <returns>One line.</returns>
    public override string ToString() => $"{Name}: {Dtype.Name()} {View.ShapeText}";
}
