using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace SimdEmbed.Formats;

/// <summary>
/// Copies a tensor's elements out of its bytes in logical order. Storages may be shared and views may have any strides, so
/// neither memory nor time may follow from the storage's length alone: a thousand small views of one large storage are legal.
/// </summary>
internal static unsafe class TensorReader
{
    /// <summary>
    /// Read ahead for elements that need converting or do not lie side by side: little enough to waste when every element lies
    /// elsewhere.
    /// </summary>
    private const int WindowBytes = 1 << 14;

    /// <summary>Copies the elements as single-precision floats.</summary>
    /// <param name="view">A tensor of floats (<see cref="TensorDtypes.IsTableFloat"/>) whose bounds were checked.</param>
    /// <param name="destination">Room for <c>view.Count</c> floats.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryReadFloats(TensorView view, float* destination, ref FormatError error)
    {
        if (view.Count == 0) return true;
        bool isPlain = view.Dtype == TensorDtype.Float32 && !view.IsBigEndian;
        if (!view.IsContiguous)
        {
            return view.Bytes.TryVerify(ref error)
                && (isPlain ? TryGather(view, destination, ref error) : TryGatherFloats(view, destination, ref error));
        }

        if (isPlain)
        {
            return view.Bytes.TryRead(view.Start * sizeof(float), (byte*)destination, view.Count * sizeof(float), ref error);
        }

        int size = view.Dtype.ElementBytes();
        byte* window = stackalloc byte[WindowBytes];
        for (long done = 0; done < view.Count;)
        {
            int count = (int)Math.Min(view.Count - done, WindowBytes / size);
            if (!TryReadElements(view, view.Start + done, count, window, ref error)) return false;
            TensorConversion.ToSingle(view.Dtype, window, destination + done, count);
            done += count;
        }

        return true;
    }

    /// <summary>Copies the elements as they are, little-endian.</summary>
    /// <param name="view">A tensor whose bounds were checked.</param>
    /// <param name="destination">Room for <c>view.ByteLength</c> bytes.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryReadBytes(TensorView view, byte* destination, ref FormatError error)
    {
        if (view.Count == 0) return true;
        if (view.IsContiguous)
        {
            if (!view.Bytes.TryRead(view.Start * view.Dtype.ElementBytes(), destination, view.ByteLength, ref error)) return false;
            if (view.IsBigEndian) Swap(view.Dtype, destination, view.Count);
            return true;
        }

        return view.Bytes.TryVerify(ref error) && view.Dtype.ElementBytes() switch
        {
            1 => TryGather(view, destination, ref error),
            2 => TryGather(view, (ushort*)destination, ref error),
            4 => TryGather(view, (uint*)destination, ref error),
            8 => TryGather(view, (ulong*)destination, ref error),
            _ => TryGather(view, (UInt128*)destination, ref error),
        };
    }

    /// <summary>Writes the elements as they are, little-endian, in pieces: a tensor of any size in little memory.</summary>
    public static bool TryCopy(TensorView view, Stream destination, ref FormatError error)
    {
        if (view.IsContiguous)
        {
            // What a piece is read for, such as a hash, finds it in the second cache.
            byte[] buffer = new byte[(int)Math.Min(view.ByteLength, 1 << 18)];
            fixed (byte* start = buffer)
            {
                long skip = view.Start * view.Dtype.ElementBytes();
                for (long done = 0; done < view.ByteLength;)
                {
                    int count = (int)Math.Min(view.ByteLength - done, buffer.Length);
                    if (!view.Bytes.TryRead(skip + done, start, count, ref error)) return false;
                    if (view.IsBigEndian) Swap(view.Dtype, start, count / view.Dtype.ElementBytes());
                    destination.Write(new ReadOnlySpan<byte>(start, count));
                    done += count;
                }
            }

            return true;
        }

        // Strided elements are gathered in file order, which is not the order they are wanted in: all of them have to be there.
        void* all = NativeMemory.Alloc((nuint)view.ByteLength);
        try
        {
            if (!TryReadBytes(view, (byte*)all, ref error)) return false;
            TensorSource.Copy((byte*)all, view.ByteLength, destination);
        }
        finally
        {
            NativeMemory.Free(all);
        }

        return true;
    }

    /// <summary>As <see cref="TryCopy"/>, converted to single precision: for types that the target does not have.</summary>
    public static bool TryCopyFloats(TensorView view, Stream destination, ref FormatError error)
    {
        if (!view.IsContiguous)
        {
            float* all = (float*)NativeMemory.Alloc((nuint)view.Count, sizeof(float));
            try
            {
                if (!TryReadFloats(view, all, ref error)) return false;
                TensorSource.Copy((byte*)all, view.Count * sizeof(float), destination);
            }
            finally
            {
                NativeMemory.Free(all);
            }

            return true;
        }

        byte* raw = stackalloc byte[WindowBytes];
        float* floats = stackalloc float[WindowBytes / sizeof(float)];
        int most = WindowBytes / Math.Max(view.Dtype.ElementBytes(), sizeof(float));
        for (long done = 0; done < view.Count;)
        {
            int count = (int)Math.Min(view.Count - done, most);
            if (!TryReadElements(view, view.Start + done, count, raw, ref error)) return false;
            TensorConversion.ToSingle(view.Dtype, raw, floats, count);
            destination.Write(new ReadOnlySpan<byte>(floats, count * sizeof(float)));
            done += count;
        }

        return true;
    }

    private static bool TryReadElements(TensorView view, long first, int count, byte* destination, ref FormatError error)
    {
        int size = view.Dtype.ElementBytes();
        if (!view.Bytes.TryRead(first * size, destination, (long)count * size, ref error)) return false;
        if (view.IsBigEndian) Swap(view.Dtype, destination, count);
        return true;
    }

    private static bool TryGatherFloats(TensorView view, float* destination, ref FormatError error)
    {
        byte* raw = stackalloc byte[WindowBytes];
        return TryGather(
            view,
            destination,
            WindowBytes / Math.Max(view.Dtype.ElementBytes(), sizeof(float)),
            (long first, int count, float* window, ref FormatError error) =>
            {
                if (!TryReadElements(view, first, count, raw, ref error)) return false;
                TensorConversion.ToSingle(view.Dtype, raw, window, count);
                return true;
            },
            ref error);
    }

    private static bool TryGather<T>(TensorView view, T* destination, ref FormatError error)
        where T : unmanaged => TryGather(
            view,
            destination,
            WindowBytes / sizeof(T),
            (long first, int count, T* window, ref FormatError error) => TryReadElements(view, first, count, (byte*)window, ref error),
            ref error);

    private delegate bool ReadWindow<T>(long first, int count, T* window, ref FormatError error)
        where T : unmanaged;

    /// <summary>
    /// Walks the dimensions by falling stride, which is the order of the file, whatever the order in the tensor: a transposed
    /// table is read from front to back like any other.
    /// </summary>
    private static bool TryGather<T>(TensorView view, T* destination, int windowElements, ReadWindow<T> read, ref FormatError error)
        where T : unmanaged
    {
        int rank = view.Shape.Length;
        long[] target = new long[rank];
        int[] order = new int[rank];
        long step = 1;
        for (int d = rank - 1; d >= 0; d--)
        {
            target[d] = step;
            step *= view.Shape[d];
            order[d] = d;
        }

        order.AsSpan().Sort((left, right) => view.Stride[right].CompareTo(view.Stride[left]));

        long numel = view.Bytes.Length / view.Dtype.ElementBytes();
        byte* windowBytes = stackalloc byte[WindowBytes];
        T* window = (T*)windowBytes;
        long start = 0;
        long end = 0;
        long[] index = new long[rank];
        long from = view.Start;
        long to = 0;
        for (long left = view.Count; ;)
        {
            if (from < start || from >= end)
            {
                start = from;
                end = Math.Min(from + windowElements, numel);
                if (!read(start, (int)(end - start), window, ref error)) return false;
            }

            destination[to] = window[from - start];
            if (--left == 0) return true;

            for (int i = rank - 1; ; i--)
            {
                int d = order[i];
                from += view.Stride[d];
                to += target[d];
                if (++index[d] < view.Shape[d]) break;
                from -= view.Shape[d] * view.Stride[d];
                to -= view.Shape[d] * target[d];
                index[d] = 0;
            }
        }
    }

    private static void Swap(TensorDtype dtype, byte* elements, long count)
    {
        int size = dtype is TensorDtype.Complex64 or TensorDtype.Complex128 ? dtype.ElementBytes() / 2 : dtype.ElementBytes();
        long words = count * dtype.ElementBytes() / size;
        for (long done = 0; done < words;)
        {
            int length = (int)Math.Min(words - done, 1 << 20);
            byte* at = elements + (done * size);
            Span<ushort> two = new(at, length);
            Span<uint> four = new(at, length);
            Span<ulong> eight = new(at, length);
            if (size == 2) BinaryPrimitives.ReverseEndianness(two, two);
            if (size == 4) BinaryPrimitives.ReverseEndianness(four, four);
            if (size == 8) BinaryPrimitives.ReverseEndianness(eight, eight);
            done += length;
        }
    }
}
