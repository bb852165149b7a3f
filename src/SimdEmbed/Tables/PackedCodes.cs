using System.Numerics;
using System.Runtime.CompilerServices;
using SimdEmbed.Kernels;

namespace SimdEmbed.Tables;

/// <summary>
/// Rows of integer codes in 32-bit words of <c>32 / bits</c> parts. A row's words form groups of sixteen, and a last group of what
/// is left; in a group of <c>g</c> words, part <c>p</c> of word <c>i</c> is column <c>p * g + i</c> of the group. So one load, a
/// shift and a mask give a vector of columns in order, at any width, and no shuffle is needed.
/// </summary>
internal static unsafe class PackedCodes
{
    private const int Group = IRowCodec.Group;

    /// <summary>Words of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Words(nint dim, int parts) => (dim + parts - 1) / parts;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Span(nint dim, int parts) => (Words(dim, parts) + Vector<float>.Count - 1) / Vector<float>.Count * Vector<float>.Count * parts;

    /// <summary>Part <c>k % parts</c> of the words that lie <c>k / parts</c> vectors behind <paramref name="row"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(byte* row, int k, int parts)
    {
        int bits = 32 / parts;
        Vector<uint> words = Unsafe.ReadUnaligned<Vector<uint>>(row + (k / parts * Vector<byte>.Count));
        Vector<uint> codes = (words >>> (k % parts * bits)) & new Vector<uint>((1u << bits) - 1);
        return Vector.ConvertToSingle(Vector.AsVectorInt32(codes));
    }

    /// <summary>Writes the columns of <paramref name="count"/> vectors that were loaded from <paramref name="position"/> on.</summary>
    public static void Store(float* target, nint dim, nint position, float* values, int count, int parts)
    {
        nint width = Vector<float>.Count;
        nint words = Words(dim, parts);
        for (int j = 0; j < count; j++, position += width, values += width)
        {
            nint word = position / (parts * width) * width;
            nint part = position / width % parts;
            nint group = word & ~(nint)(Group - 1);
            nint size = nint.Min(Group, words - group);
            nint column = (group * parts) + (part * size) + word - group;
            nint length = nint.Min(nint.Min(width, size - (word - group)), dim - column);
            if (length == width) Unsafe.WriteUnaligned(target + column, Unsafe.ReadUnaligned<Vector<float>>(values));
            else for (nint i = 0; i < length; i++) target[column + i] = values[i];
        }
    }

    /// <summary>Writes the codes of a row: <c>round((value - low) * inverse)</c>, ties to even, clamped to what the bits hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Encode(float* values, nint dim, byte* row, float low, float inverse, int parts)
    {
        int bits = 32 / parts;
        float top = (1 << bits) - 1;
        nint words = Words(dim, parts);
        nint group = 0;
        for (; group + Group <= words && (group + Group) * parts <= dim; group += Group)
        {
            for (nint word = 0; word < Group; word += Vector<float>.Count)
            {
                Vector<uint> packed = Vector<uint>.Zero;
                for (int part = parts - 1; part >= 0; part--)
                {
                    Vector<float> value = Unsafe.ReadUnaligned<Vector<float>>(values + (group * parts) + (part * Group) + word);
                    packed = (packed << bits) | Codes(value, low, inverse, top);
                }

                Unsafe.WriteUnaligned((uint*)row + group + word, packed);
            }
        }

        if (group < words) EncodeRest(values, dim, row, low, inverse, parts, group);
    }

    /// <summary>The words behind the last whole group.</summary>
    private static void EncodeRest(float* values, nint dim, byte* row, float low, float inverse, int parts, nint group)
    {
        float top = (1 << (32 / parts)) - 1;
        new Span<uint>((uint*)row + group, (int)(Words(dim, parts) - group)).Clear();
        float* codes = stackalloc float[Vector<float>.Count];
        for (nint column = group * parts; column < dim; column += Vector<float>.Count)
        {
            // A vector of codes at a time; only where each goes is a matter of its column.
            nint count = nint.Min(Vector<float>.Count, dim - column);
            new ReadOnlySpan<float>(values + column, (int)count).CopyTo(new Span<float>(codes, (int)count));
            Vector<uint> encoded = Codes(Unsafe.ReadUnaligned<Vector<float>>(codes), low, inverse, top);
            for (int i = 0; i < count; i++) SetCode(row, dim, column + i, encoded[i], parts);
        }
    }

    /// <summary>The code of one column.</summary>
    public static uint GetCode(byte* row, nint dim, nint column, int parts)
    {
        nint word = WordOf(dim, column, parts, out int shift);
        return (((uint*)row)[word] >> shift) & ((1u << (32 / parts)) - 1);
    }

    /// <summary>Sets the code of a column whose bits are zero.</summary>
    public static void SetCode(byte* row, nint dim, nint column, uint code, int parts)
    {
        nint word = WordOf(dim, column, parts, out int shift);
        ((uint*)row)[word] |= code << shift;
    }

    private static nint WordOf(nint dim, nint column, int parts, out int shift)
    {
        nint words = Words(dim, parts);
        nint group = column / (Group * parts) * Group;
        nint size = nint.Min(Group, words - group);
        nint within = column - (group * parts);
        shift = (int)(within / size) * (32 / parts);
        return group + (within % size);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> Codes(Vector<float> value, float low, float inverse, float top)
    {
        Vector<float> scaled = Vector.Round((value - new Vector<float>(low)) * new Vector<float>(inverse));

        // What is NaN compares false and becomes 0.
        scaled = Vector.ConditionalSelect(Vector.GreaterThan(scaled, Vector<float>.Zero), scaled, Vector<float>.Zero);
        scaled = Vector.MinNative(scaled, new Vector<float>(top));
        return Vector.AsVectorUInt32(Vector.ConvertToInt32Native(scaled));
    }
}
