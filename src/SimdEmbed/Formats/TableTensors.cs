using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed.Formats;

/// <summary>From tensors in a file to tables.</summary>
internal static unsafe class TableTensors
{
    /// <summary>Refuses what no float32 table can hold.</summary>
    public static bool TryCheck(TensorView tensor, string name, ref FormatError error)
    {
        long at = tensor.Place;
        if (!tensor.Dtype.IsTableFloat())
        {
            return error.Fail(
                "table-dtype", at, $"tensor {FormatError.Quote(name)} is {tensor.Dtype.Name()}; float32 expected, or another float");
        }

        return tensor.Shape is [_, >= 1 and <= int.MaxValue]
            || error.Fail(
                "table-shape",
                at,
                $"tensor {FormatError.Quote(name)} has shape {tensor.ShapeText}; expected [rows, dim] with a dim of 1 to {int.MaxValue}");
    }

    /// <summary>Makes a table of a tensor that passed <see cref="TryCheck"/>: memory once, read into where it stays.</summary>
    public static bool TryLoad(
        TensorContent content, string name, TensorView tensor, LoadOptions options, [NotNullWhen(true)] out EmbeddingTable? table, ref FormatError error)
    {
        table = null;
        if (tensor.Count > long.MaxValue / sizeof(float)) return error.Fail("table-shape", tensor.Place, $"shape {tensor.ShapeText} is too large");
        RowCodec codec = options.KeepHalf ? tensor.Dtype.Codec() ?? RowCodec.Float32 : RowCodec.Float32;
        nint stride = RowCodecs.RowBytes(codec, (int)tensor.Shape[1]);
        if (!content.TryReserve(name, tensor, tensor.Shape[0] * stride, options, ref error)) return false;
        EmbeddingTable made = EmbeddingTable.Uninitialized(tensor.Shape[0], (int)tensor.Shape[1], codec);
        bool isRead = false;
        try
        {
            RowView rows = made.OpenRead();
            Debug.Assert(rows.Stride == stride, "rows lie side by side");
            isRead = codec == RowCodec.Float32
                ? TensorReader.TryReadFloats(tensor, (float*)rows.Rows, ref error)
                : TensorReader.TryReadBytes(tensor, rows.Rows, ref error);
        }
        finally
        {
            if (!isRead) made.Dispose();
        }

        if (isRead) table = made;
        return isRead;
    }

    /// <summary>Makes a table of codes with their scales and biases, bit for bit.</summary>
    public static bool TryLoad(
        TensorContent content, string name, CompactRows compact, LoadOptions options, [NotNullWhen(true)] out EmbeddingTable? table, ref FormatError error)
    {
        table = null;
        if (!content.TryReserve(name, compact.Codes, compact.Codes.ByteLength + compact.Pairs.ByteLength, options, ref error)) return false;
        EmbeddingTable made = EmbeddingTable.Uninitialized(compact.Codes.Shape[0], compact.Dim, compact.Codec);
        bool isRead = false;
        try
        {
            RowView rows = made.OpenRead();
            isRead = TensorReader.TryReadBytes(compact.Codes, rows.Rows, ref error) && TensorReader.TryReadBytes(compact.Pairs, (byte*)rows.Side, ref error);
        }
        finally
        {
            if (!isRead) made.Dispose();
        }

        if (isRead) table = made;
        return isRead;
    }

    /// <summary>
    /// Whether the rows of a table lie in the file as a table has them. Those that are no float32 are read in whole vectors, so that the
    /// system must have mapped some bytes behind the last, be it of other tensors or the rest of a page.
    /// </summary>
    public static bool CanMap(FileBytes file, TensorInfo tensor)
    {
        if (file.Handle == null || tensor is not { Codec: { } codec, IsRowMajor: true }) return false;
        if (codec == RowCodec.Float32) return true;
        long page = Environment.SystemPageSize;
        long mapped = (file.Length + page - 1) / page * page;
        return tensor.View.Place <= mapped - AlignedMemory.Overread - tensor.ByteLength;
    }

    /// <summary>Makes a table of a part of the file.</summary>
    public static bool TryMap(
        FileBytes file, TensorInfo tensor, MapOptions options, [NotNullWhen(true)] out EmbeddingTable? table, ref FormatError error)
    {
        table = null;
        long offset = tensor.View.Place;
        if (!CanMap(file, tensor))
        {
            return error.Fail(
                "map-layout",
                offset,
                $"tensor {FormatError.Quote(tensor.Name)} cannot be mapped: only float32, float16, bfloat16 and codes can that are row-major, "
                    + "little-endian and uncompressed, and those narrower than float32 not at the very end of a page that ends the file. Load it");
        }

        // Once more, and after mapping: the file may have been cut since it was opened, and what is behind its end must not be touched.
        MappedMemory memory = new(file.Handle!);
        if (memory.Length < file.Length || offset > memory.Length - tensor.ByteLength)
        {
            long length = memory.Length;
            memory.Dispose();
            return error.Fail("file-length", length, $"the file ends; it had {file.Length} bytes when it was opened");
        }

        memory.AdviseRandom();
        if (options.Prefault) memory.Prefault(offset, tensor.ByteLength);
        RowCodec codec = tensor.Codec!.Value;
        nint stride = RowCodecs.RowBytes(codec, tensor.Dim);
        float* pairs = null;
        if (tensor.Compact is { } compact)
        {
            if (options.Prefault) memory.Prefault(compact.Pairs.Place, compact.Pairs.ByteLength);
            pairs = (float*)(memory.Start + compact.Pairs.Place);
        }

        table = EmbeddingTable.Mapped(memory, new RowView(memory.Start + offset, stride, tensor.Shape[0], tensor.Dim, padded: codec != RowCodec.Float32, pairs), codec);
        return true;
    }

    public static bool TryLoadAll(PyTorchContent file, [NotNullWhen(true)] out StateDict? tables, ref FormatError error)
    {
        tables = null;
        Allowance allowance = new(file.FileLength) { Storages = file.StorageCount };
        if (!StateDictTensors.TryList(file.Root, allowance, out List<KeyValuePair<string, TorchTensor>> tensors, ref error)) return false;
        StateDict made = new();
        bool isRead = false;
        try
        {
            isRead = TryLoadAll(file, tensors, made, ref error);
        }
        finally
        {
            if (!isRead) made.Dispose();
        }

        if (isRead) tables = made;
        return isRead;
    }

    private static bool TryLoadAll(
        PyTorchContent file, List<KeyValuePair<string, TorchTensor>> tensors, StateDict tables, ref FormatError error)
    {
        // Equal views are one table, as PyTorch's tied weights are one tensor; copies of each would also let a small file ask
        // for much memory.
        Dictionary<(TorchStorage Storage, TensorDtype Dtype, long Offset, long Rows, long Dim, long RowStride, long Stride), EmbeddingTable> known = [];
        foreach ((string name, TorchTensor tensor) in tensors)
        {
            if (!tensor.Dtype.IsTableFloat() || tensor.Shape is not [_, not 0]) continue;
            var view = (tensor.Storage, tensor.Dtype, tensor.Offset, tensor.Shape[0], tensor.Shape[1], tensor.Stride[0], tensor.Stride[1]);
            if (!known.TryGetValue(view, out EmbeddingTable? table))
            {
                TensorView rows = tensor.ToView();
                if (!TryCheck(rows, name, ref error) || !TryLoad(file, name, rows, new LoadOptions(), out table, ref error)) return false;
                tables.Own(table);
                known.Add(view, table);
            }

            tables[name] = table;
        }

        return true;
    }
}
