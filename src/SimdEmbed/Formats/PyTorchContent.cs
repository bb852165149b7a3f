using System.Diagnostics.CodeAnalysis;

namespace SimdEmbed.Formats;

/// <summary>What a PyTorch file holds: a tree of containers, and the tensors in it by their path.</summary>
internal sealed class PyTorchContent : TensorContent
{
    /// <summary>Views may repeat elements (stride 0), but not be more than a small multiple of what the file has.</summary>
    private const long ElementAllowance = 64 << 10;

    private PyTorchContent(
        TableFileFormat format, long fileLength, int storages, PickleValue root, List<TensorInfo> tensors, Dictionary<string, string> settings)
        : base(format, tensors, settings)
    {
        Root = root;
        FileLength = fileLength;
        StorageCount = storages;
        ElementBudget = (2 * fileLength) + ElementAllowance;
    }

    /// <summary>What was given to <c>torch.save</c>.</summary>
    public PickleValue Root { get; }

    public long FileLength { get; }

    public int StorageCount { get; }

    public static bool TryCreate(
        TableFileFormat format, long fileLength, PickleValue root, Allowance allowance, [NotNullWhen(true)] out PyTorchContent? content, ref FormatError error)
    {
        content = null;
        if (!StateDictTensors.TryListAll(
            root, allowance, out List<KeyValuePair<string, TorchTensor>> tensors, out Dictionary<string, string> settings, ref error))
        {
            return false;
        }

        List<TensorInfo> listed = new(tensors.Count);
        foreach ((string name, TorchTensor tensor) in tensors) listed.Add(new TensorInfo(name, tensor.ToView()));
        content = new PyTorchContent(format, fileLength, allowance.Storages, root, listed, settings);
        return true;
    }

    /// <summary>A literal name wins over a path, which the list alone cannot say.</summary>
    public override bool TryFind(string name, [NotNullWhen(true)] out TensorInfo? tensor, ref FormatError error)
    {
        bool isFound = StateDictTensors.TryFindAny(Root, name, out TorchTensor? found, ref error);
        tensor = isFound ? new TensorInfo(name, found!.ToView()) : null;
        return isFound;
    }
}
