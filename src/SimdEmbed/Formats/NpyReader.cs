using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;
using static System.Buffers.Binary.BinaryPrimitives;

namespace SimdEmbed.Formats;

/// <summary>
/// Reads the header of a NumPy array: <c>\x93NUMPY major minor length | a Python dict | elements</c>. The dict has exactly three
/// keys and is taken apart by a grammar of its own, never evaluated.
/// </summary>
internal static class NpyReader
{
    public const int LongestPrefix = 12;

    /// <summary>NumPy itself refuses longer ones, since 1.23.</summary>
    public const int LongestHeader = 10_000;

    private const int HighestRank = 64;

    public static bool IsNpy(ReadOnlySpan<byte> head) => head.Length >= 6 && head[0] == 0x93 && head[1..6].SequenceEqual("NUMPY"u8);

    public static bool TryOpen(FileBytes file, [NotNullWhen(true)] out TensorContent? content, ref FormatError error)
    {
        content = null;
        byte[] head = new byte[Math.Min(LongestPrefix + LongestHeader, file.Length)];
        if (!file.TryRead(0, head, ref error) || !TryParse(head, 0, out Header header, ref error)) return false;
        if (!TryCheckLength(header, file.Length, 0, ref error) || !file.TryAllow("the header", header.Bytes, 0, ref error)) return false;
        PlainBytes bytes = new(file, header.Bytes, file.Length - header.Bytes);
        content = new TensorContent(TableFileFormat.Npy, [new TensorInfo("", header.View(bytes))]);
        return true;
    }

    /// <summary>The elements have to fill the rest of the file, or of the archive's record.</summary>
    public static bool TryCheckLength(in Header header, long length, long offset, ref FormatError error)
    {
        long expected = header.Dtype.ByteLength(header.Shape, out _);
        string text = string.Join(", ", header.Shape);
        if (expected < 0) return error.Fail("npy-size", offset, $"an array of shape ({text}) does not fit 63 bits");
        return expected == length - header.Bytes
            || error.Fail(
                "npy-size",
                offset,
                $"an array of {header.Dtype.Name()} and shape ({text}) has {expected} bytes; the file has {length - header.Bytes} after the header");
    }

    /// <summary>Parses the first bytes of an array, at least as many as the header has.</summary>
    public static bool TryParse(ReadOnlySpan<byte> head, long offset, out Header header, ref FormatError error)
    {
        header = default;
        if (!IsNpy(head)) return error.Fail("npy-magic", offset, "the array does not start with \\x93NUMPY");
        if (head.Length < 10) return error.Fail("npy-header", offset, "the file ends inside the array's header");
        (byte major, byte minor) = (head[6], head[7]);
        if (major is < 1 or > 3 || minor != 0)
        {
            return error.Fail("npy-version", offset + 6, $"the array has version {major}.{minor}; expected 1.0, 2.0 or 3.0");
        }

        int prefix = major == 1 ? 10 : LongestPrefix;
        if (head.Length < prefix) return error.Fail("npy-header", offset, "the file ends inside the array's header");
        uint length = major == 1 ? ReadUInt16LittleEndian(head[8..]) : ReadUInt32LittleEndian(head[8..]);
        if (length > LongestHeader)
        {
            return error.Fail("npy-header", offset + 8, $"the array's header claims {length} bytes; at most {LongestHeader} are read");
        }

        if (length > head.Length - prefix) return error.Fail("npy-header", offset + 8, "the file ends inside the array's header");
        ReadOnlySpan<byte> bytes = head.Slice(prefix, (int)length);
        if (major == 3 && !Utf8.IsValid(bytes)) return error.Fail("npy-header", offset + prefix, "the array's header is not UTF-8");
        NpyLiteral literal = new(major == 3 ? Encoding.UTF8.GetString(bytes) : Encoding.Latin1.GetString(bytes));
        if (!literal.TryParse(HighestRank))
        {
            return error.Fail("npy-header", offset + prefix + literal.Position, $"the array's header is not what NumPy writes: {literal.Problem}");
        }

        if (!TryDtype(literal.Descr!, out TensorDtype dtype, out bool isBigEndian))
        {
            return error.Fail(
                "npy-dtype",
                offset + prefix,
                $"the array has dtype {FormatError.Quote(literal.Descr!)}; expected one of bool, int, uint, float, complex of usual size");
        }

        header = new Header(dtype, isBigEndian, literal.IsFortranOrder!.Value, literal.Shape!, prefix + (int)length);
        return true;
    }

    /// <summary>NumPy's type strings: byte order, kind, bytes. Objects, structures, text and dates are none of these.</summary>
    private static bool TryDtype(string descr, out TensorDtype dtype, out bool isBigEndian)
    {
        isBigEndian = descr.StartsWith('>');
        for (dtype = 0; TensorDtypes.IsDefined(dtype); dtype++)
        {
            if (descr.Length < 2 || !descr.AsSpan(1).SequenceEqual(dtype.NumpyName().AsSpan())) continue;

            // A single byte has no order, and numpy writes '|'; for more there must be one.
            return descr[0] is '<' or '>' || (descr[0] == '|' && dtype.ElementBytes() == 1);
        }

        return false;
    }

    /// <summary>What the header says, and how many bytes it takes.</summary>
    public readonly record struct Header(TensorDtype Dtype, bool IsBigEndian, bool IsFortranOrder, long[] Shape, int Bytes)
    {
        public TensorView View(TensorBytes bytes)
        {
            _ = Dtype.ByteLength(Shape, out long count);
            return TensorView.Dense(bytes, Dtype, Shape, count, IsFortranOrder, IsBigEndian && Dtype.ElementBytes() > 1);
        }
    }
}
