using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using SimdEmbed.Internals;

namespace SimdEmbed.Formats;

/// <summary>Writes NumPy arrays, version 1.0, elements from a 64-byte line on.</summary>
internal static class NpyWriter
{
    private const int Alignment = 64;
    private const int PrefixBytes = 10;

    /// <summary>All in front of the elements.</summary>
    public static byte[] Header(TensorSource tensor)
    {
        string? type = tensor.Dtype.NumpyName();
        if (type == null) Throw.Argument("table", $"NumPy has no {tensor.Dtype.Name()}: convert table '{tensor.Name}' to Float32 or Float16.");
        StringBuilder shape = new();
        foreach (long size in tensor.Shape) shape.Append(CultureInfo.InvariantCulture, $"{size}, ");

        // As Python prints tuples: (), (5,), (5, 3).
        string text = shape.Length == 0 ? "" : tensor.Shape.Length == 1 ? $"{tensor.Shape[0]}," : shape.ToString(0, shape.Length - 2);
        char order = tensor.Dtype.ElementBytes() == 1 ? '|' : '<';
        string literal = $"{{'descr': '{order}{type}', 'fortran_order': False, 'shape': ({text}), }}";
        int total = (PrefixBytes + literal.Length + 1 + Alignment - 1) / Alignment * Alignment;
        byte[] header = new byte[total];
        header.AsSpan().Fill((byte)' ');
        header[0] = 0x93;
        "NUMPY"u8.CopyTo(header.AsSpan(1));
        (header[6], header[7]) = (1, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(total - PrefixBytes));
        Encoding.ASCII.GetBytes(literal).CopyTo(header, PrefixBytes);
        header[^1] = (byte)'\n';
        return header;
    }
}
