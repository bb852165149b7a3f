using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using SimdEmbed.Kernels;

namespace SimdEmbed.Formats;

/// <summary>From tensors in a file to tables.</summary>
internal static unsafe class TableTensors
{
    /// <summary>Refuses what no float32 table can hold.</summary>
    public static bool TryCheck(TorchTensor tensor, string name, ref FormatError error)
    {
        long at = tensor.Storage.Record.PayloadOffset;
        if (tensor.Dtype != TorchDtype.Float32)
        {
            return error.Fail("table-dtype", at, $"tensor {FormatError.Quote(name)} is {tensor.Dtype.Name}; float32 expected");
        }

        return tensor.Shape is [_, >= 1 and <= int.MaxValue]
            || error.Fail(
                "table-shape",
                at,
                $"tensor {FormatError.Quote(name)} has shape {tensor.ShapeText}; expected [rows, dim] with a dim of 1 to {int.MaxValue}");
    }

    public static bool TryLoad(PyTorchFile file, TorchTensor tensor, [NotNullWhen(true)] out EmbeddingTable? table, ref FormatError error)
    {
        table = null;
        if (!file.TryReserve(tensor, ref error)) return false;
        EmbeddingTable made = new(tensor.Shape[0], (int)tensor.Shape[1]);
        bool isRead = false;
        try
        {
            RowView rows = made.OpenWrite();
            Debug.Assert(rows.Stride == (nint)rows.Dim * sizeof(float), "float32 rows lie side by side");
            isRead = file.TryRead(tensor, (float*)rows.Rows, ref error);
        }
        finally
        {
            if (!isRead) made.Dispose();
        }

        if (isRead) table = made;
        return isRead;
    }

    public static bool TryLoadAll(PyTorchFile file, [NotNullWhen(true)] out StateDict? tables, ref FormatError error)
    {
        tables = null;
        if (!StateDictTensors.TryList(file, out List<KeyValuePair<string, TorchTensor>> tensors, ref error)) return false;
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
        PyTorchFile file, List<KeyValuePair<string, TorchTensor>> tensors, StateDict tables, ref FormatError error)
    {
        // Equal views are one table, as PyTorch's tied weights are one tensor; copies of each would also let a small file ask
        // for much memory.
        Dictionary<(TorchStorage Storage, long Offset, long Rows, long Dim, long RowStride, long Stride), EmbeddingTable> known = [];
        foreach ((string name, TorchTensor tensor) in tensors)
        {
            if (tensor.Dtype != TorchDtype.Float32 || tensor.Shape is not [_, not 0]) continue;
            var view = (tensor.Storage, tensor.Offset, tensor.Shape[0], tensor.Shape[1], tensor.Stride[0], tensor.Stride[1]);
            if (!known.TryGetValue(view, out EmbeddingTable? table))
            {
                if (!TryCheck(tensor, name, ref error) || !TryLoad(file, tensor, out table, ref error)) return false;
                tables.Own(table);
                known.Add(view, table);
            }

            tables[name] = table;
        }

        return true;
    }
}
