using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CommunityToolkit.HighPerformance;
using SimdEmbed.Kernels;

namespace SimdEmbed.Internals;

/// <summary>One validation site per rule, shared by all overloads. Everything here runs before the first write.</summary>
internal static unsafe class Check
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Length(string argument, int given, long expected, string formula)
    {
        if (given != expected) Throw.Length(argument, given, expected, formula);
    }

    /// <summary>Refuses two spans that share a byte. Empty spans overlap nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NoOverlap<TLeft, TRight>(
        ReadOnlySpan<TLeft> left, string leftName, ReadOnlySpan<TRight> right, string rightName)
        where TLeft : unmanaged
        where TRight : unmanaged
    {
        // Distance as unsigned: below the other's length in either direction means a shared byte. The GC may move both
        // arrays between the two reads only as long as neither is pinned, and then they are different objects anyway.
        nint distance = Unsafe.ByteOffset(
            ref Unsafe.As<TLeft, byte>(ref MemoryMarshal.GetReference(left)),
            ref Unsafe.As<TRight, byte>(ref MemoryMarshal.GetReference(right)));
        nuint leftBytes = (nuint)(uint)left.Length * (nuint)sizeof(TLeft);
        nuint rightBytes = (nuint)(uint)right.Length * (nuint)sizeof(TRight);
        if (((nuint)distance < leftBytes && rightBytes != 0) || ((nuint)(-distance) < rightBytes && leftBytes != 0))
        {
            Throw.Overlap(leftName, rightName);
        }
    }

    /// <summary>Refuses a span that shares a byte with the rows of <paramref name="table"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void NoOverlap<T>(ReadOnlySpan<T> span, string name, in RowView table)
        where T : unmanaged
    {
        nuint start = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(span));
        nuint bytes = (nuint)(uint)span.Length * (nuint)sizeof(T);
        nuint rows = (nuint)table.Rows;
        if (start < rows + ((nuint)table.Count * (nuint)table.Stride) && rows < start + bytes) Throw.Overlap(name, "the table");
    }

    /// <summary>Refuses an index that is not a row, naming its position; reads only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Indices<TIndex>(TIndex* indices, int length, long rows, string argument)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        int position = IndexRange.FirstOutside(indices, length, rows);
        if (position >= 0)
        {
            Throw.IndexOutOfRange(argument, position, long.CreateTruncating(indices[position]), rows);
        }
    }

    /// <summary>Refuses a tensor whose elements do not lie side by side, and gives them as a span.</summary>
    public static ReadOnlySpan<T> Dense<T>(scoped in ReadOnlyTensorSpan<T> tensor, string name)
    {
        if (!tensor.IsDense) Throw.NotDense(name);
        if (tensor.FlattenedLength > int.MaxValue) Throw.OutOfRange(name, tensor.FlattenedLength, "at most 2147483647 elements");
        return MemoryMarshal.CreateReadOnlySpan(
            ref Unsafe.AsRef(in tensor.GetPinnableReference()), (int)tensor.FlattenedLength);
    }

    /// <summary>As the read-only form, for a destination.</summary>
    public static Span<T> Dense<T>(scoped in TensorSpan<T> tensor, string name)
    {
        if (!tensor.IsDense) Throw.NotDense(name);
        if (tensor.FlattenedLength > int.MaxValue) Throw.OutOfRange(name, tensor.FlattenedLength, "at most 2147483647 elements");
        return MemoryMarshal.CreateSpan(ref tensor.GetPinnableReference(), (int)tensor.FlattenedLength);
    }

    /// <summary>As the read-only form, for rows of a plane without gaps between them.</summary>
    public static ReadOnlySpan<T> Dense<T>(ReadOnlySpan2D<T> plane, string name)
    {
        if (!plane.TryGetSpan(out ReadOnlySpan<T> span)) Throw.NotDense(name);
        return span;
    }

    /// <summary>As the read-only form, for a destination.</summary>
    public static Span<T> Dense<T>(Span2D<T> plane, string name)
    {
        if (!plane.TryGetSpan(out Span<T> span)) Throw.NotDense(name);
        return span;
    }

    /// <summary>Refuses a looked-up tensor whose shape is not that of its indices with one more axis of <paramref name="dim"/>.</summary>
    public static void LookupShape(string argument, ReadOnlySpan<nint> lengths, ReadOnlySpan<nint> indexLengths, int dim)
    {
        if (lengths.Length == indexLengths.Length + 1
            && lengths[..indexLengths.Length].SequenceEqual(indexLengths)
            && lengths[^1] == dim)
        {
            return;
        }

        Throw.Shape(argument, Text(lengths), indexLengths.IsEmpty ? $"[{dim}]" : $"{Text(indexLengths)[..^1]}, {dim}]");
    }

    /// <summary>Refuses a tensor whose shape is not <paramref name="expected"/>.</summary>
    public static void Shape(string argument, ReadOnlySpan<nint> lengths, ReadOnlySpan<nint> expected)
    {
        if (!lengths.SequenceEqual(expected)) Throw.Shape(argument, Text(lengths), Text(expected));
    }

    private static string Text(ReadOnlySpan<nint> lengths) => $"[{string.Join(", ", lengths.ToArray())}]";
}
