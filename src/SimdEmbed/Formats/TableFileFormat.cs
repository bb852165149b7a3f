namespace SimdEmbed;

/// <summary>What a file of tensors is.</summary>
public enum TableFileFormat
{
    /// <summary>Hugging Face's safetensors.</summary>
    Safetensors,

    /// <summary>PyTorch's <c>.pth</c>: a zip of stored records, since PyTorch 1.6.</summary>
    PyTorch,

    /// <summary>PyTorch's <c>.pth</c> from before 1.6: pickles and data one behind the other.</summary>
    PyTorchLegacy,

    /// <summary>NumPy's <c>.npy</c>: one array.</summary>
    Npy,

    /// <summary>NumPy's <c>.npz</c>: a zip of <c>.npy</c> files.</summary>
    Npz,
}
