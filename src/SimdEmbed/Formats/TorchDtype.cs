namespace SimdEmbed.Formats;

/// <summary>A PyTorch element type: its name there, and its size.</summary>
internal sealed record TorchDtype(string Name, int ElementBytes)
{
    public static readonly TorchDtype Float32 = new("float32", 4);
    public static readonly TorchDtype UInt8 = new("uint8", 1);

    private static readonly TorchDtype[] s_all =
    [
        Float32, UInt8,
        new("float64", 8), new("float16", 2), new("bfloat16", 2),
        new("int64", 8), new("int32", 4), new("int16", 2), new("int8", 1), new("bool", 1),
        new("uint16", 2), new("uint32", 4), new("uint64", 8),
        new("complex64", 8), new("complex128", 16),
        new("float8_e4m3fn", 1), new("float8_e5m2", 1), new("float8_e4m3fnuz", 1), new("float8_e5m2fnuz", 1),
    ];

    /// <summary>The type called <c>torch.{name}</c>, or null.</summary>
    public static TorchDtype? FromName(string name)
    {
        foreach (TorchDtype dtype in s_all)
        {
            if (dtype.Name == name) return dtype;
        }

        return null;
    }

    /// <summary>What the class <c>torch.{name}</c> stores, or null; newer types have no class and use an untyped storage.</summary>
    public static TorchDtype? FromStorageClass(string name) => name switch
    {
        "FloatStorage" => Float32,
        "DoubleStorage" => FromName("float64"),
        "HalfStorage" => FromName("float16"),
        "BFloat16Storage" => FromName("bfloat16"),
        "LongStorage" => FromName("int64"),
        "IntStorage" => FromName("int32"),
        "ShortStorage" => FromName("int16"),
        "CharStorage" => FromName("int8"),
        "ByteStorage" => UInt8,
        "BoolStorage" => FromName("bool"),
        "ComplexFloatStorage" => FromName("complex64"),
        "ComplexDoubleStorage" => FromName("complex128"),
        _ => null,
    };
}
