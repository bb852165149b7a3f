namespace SimdEmbed.Formats;

/// <summary>
/// Copies a tensor's elements out of its storage in logical order. Storages may be shared and views may have any strides, so
/// neither memory nor time may follow from the storage's length alone: a thousand small views of one large storage are legal.
/// </summary>
internal static unsafe class TensorReader
{
    /// <summary>Read ahead for views that are not contiguous: little enough to waste when every element lies elsewhere.</summary>
    private const int WindowElements = 4096;

    /// <param name="zip">The archive.</param>
    /// <param name="tensor">A float32 tensor whose bounds were checked.</param>
    /// <param name="destination">Room for <c>tensor.Count</c> floats.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryRead(StoredZipReader zip, TorchTensor tensor, float* destination, ref FormatError error)
    {
        if (tensor.Count == 0) return true;
        StoredZipEntry record = tensor.Storage.Record;
        return IsContiguous(tensor)
            ? zip.TryRead(record, tensor.Offset * sizeof(float), (byte*)destination, tensor.Count * sizeof(float), ref error)
            : zip.TryRead(record, 0, null, 0, ref error) && TryGather(zip, tensor, destination, ref error);
    }

    /// <summary>Whether the elements lie side by side; the stride of a dimension of one is never used and may be anything.</summary>
    private static bool IsContiguous(TorchTensor tensor)
    {
        long expected = 1;
        for (int d = tensor.Shape.Length - 1; d >= 0; d--)
        {
            if (tensor.Shape[d] == 1) continue;
            if (tensor.Stride[d] != expected) return false;
            expected *= tensor.Shape[d];
        }

        return true;
    }

    /// <summary>
    /// Walks the dimensions by falling stride, which is the order of the file, whatever the order in the tensor: a transposed
    /// table is read from front to back like any other.
    /// </summary>
    private static bool TryGather(StoredZipReader zip, TorchTensor tensor, float* destination, ref FormatError error)
    {
        int rank = tensor.Shape.Length;
        long[] target = new long[rank];
        int[] order = new int[rank];
        long step = 1;
        for (int d = rank - 1; d >= 0; d--)
        {
            target[d] = step;
            step *= tensor.Shape[d];
            order[d] = d;
        }

        order.AsSpan().Sort((left, right) => tensor.Stride[right].CompareTo(tensor.Stride[left]));

        float* window = stackalloc float[WindowElements];
        long start = 0;
        long end = 0;
        long[] index = new long[rank];
        long from = tensor.Offset;
        long to = 0;
        for (long left = tensor.Count; ;)
        {
            if (from < start || from >= end)
            {
                start = from;
                end = Math.Min(from + WindowElements, tensor.Storage.Numel);
                long bytes = (end - start) * sizeof(float);
                if (!zip.TryRead(tensor.Storage.Record, start * sizeof(float), (byte*)window, bytes, ref error)) return false;
            }

            destination[to] = window[from - start];
            if (--left == 0) return true;

            for (int i = rank - 1; ; i--)
            {
                int d = order[i];
                from += tensor.Stride[d];
                to += target[d];
                if (++index[d] < tensor.Shape[d]) break;
                from -= tensor.Shape[d] * tensor.Stride[d];
                to -= tensor.Shape[d] * target[d];
                index[d] = 0;
            }
        }
    }
}
