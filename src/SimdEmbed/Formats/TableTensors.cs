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
        TensorContent content, TensorView tensor, LoadOptions options, [NotNullWhen(true)] out EmbeddingTable? table, ref FormatError error)
    {
        table = null;
        if (tensor.Count > long.MaxValue / sizeof(float)) return error.Fail("table-shape", tensor.Place, $"shape {tensor.ShapeText} is too large");
        if (!content.TryReserve(tensor, tensor.Count * sizeof(float), options, ref error)) return false;
        EmbeddingTable made = EmbeddingTable.Uninitialized(tensor.Shape[0], (int)tensor.Shape[1]);
        bool isRead = false;
        try
        {
            RowView rows = made.OpenWrite();
            Debug.Assert(rows.Stride == (nint)rows.Dim * sizeof(float), "float32 rows lie side by side");
            isRead = TensorReader.TryReadFloats(tensor, (float*)rows.Rows, ref error);
        }
        finally
        {
            if (!isRead) made.Dispose();
        }

        if (isRead) table = made;
        return isRead;
    }

    /// <summary>Makes a table of a part of the file, of a tensor that passed <see cref="TryCheck"/>.</summary>
    public static bool TryMap(
        FileBytes file, TensorView tensor, string name, MapOptions options, [NotNullWhen(true)] out EmbeddingTable? table, ref FormatError error)
    {
        table = null;
        if (tensor.Dtype != TensorDtype.Float32 || !tensor.IsContiguous || tensor.IsBigEndian || tensor.Bytes.FileOffset is not { } start)
        {
            return error.Fail(
                "map-layout",
                tensor.Place,
                $"tensor {FormatError.Quote(name)} cannot be mapped: only float32, row-major, little-endian and uncompressed ones can. Load it");
        }

        // Once more, and after mapping: the file may have been cut since it was opened, and what is behind its end must not be touched.
        long offset = start + (tensor.Start * sizeof(float));
        MappedMemory memory = new(file.Handle!);
        if (memory.Length < file.Length || offset > memory.Length - tensor.ByteLength)
        {
            long length = memory.Length;
            memory.Dispose();
            return error.Fail("file-length", length, $"the file ends; it had {file.Length} bytes when it was opened");
        }

        memory.AdviseRandom();
        if (options.Prefault) memory.Prefault(offset, tensor.ByteLength);
        table = EmbeddingTable.Mapped(memory, memory.Start + offset, tensor.Shape[0], (int)tensor.Shape[1]);
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
                if (!TryCheck(rows, name, ref error) || !TryLoad(file, rows, new LoadOptions(), out table, ref error)) return false;
                tables.Own(table);
                known.Add(view, table);
            }

            tables[name] = table;
        }

        return true;
    }
}
