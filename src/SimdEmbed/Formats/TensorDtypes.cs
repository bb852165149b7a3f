namespace SimdEmbed.Formats;

/// <summary>What the element types are called in each format, and how large they are.</summary>
internal static class TensorDtypes
{
    /// <summary>By value of the enum: bits of an element, PyTorch's name, safetensors' name.</summary>
    private static readonly (int Bits, string Name, string? Safetensors)[] s_all =
    [
        (32, "float32", "F32"),
        (64, "float64", "F64"),
        (16, "float16", "F16"),
        (16, "bfloat16", "BF16"),
        (8, "float8_e4m3fn", "F8_E4M3"),
        (8, "float8_e5m2", "F8_E5M2"),
        (8, "float8_e4m3fnuz", "F8_E4M3FNUZ"),
        (8, "float8_e5m2fnuz", "F8_E5M2FNUZ"),
        (8, "float8_e8m0fnu", "F8_E8M0"),
        (6, "float6_e2m3", "F6_E2M3"),
        (6, "float6_e3m2", "F6_E3M2"),
        (4, "float4_e2m1", "F4"),
        (64, "int64", "I64"),
        (32, "int32", "I32"),
        (16, "int16", "I16"),
        (8, "int8", "I8"),
        (64, "uint64", "U64"),
        (32, "uint32", "U32"),
        (16, "uint16", "U16"),
        (8, "uint8", "U8"),
        (8, "bool", "BOOL"),
        (64, "complex64", "C64"),
        (128, "complex128", null),
    ];

    /// <summary>What PyTorch and NumPy call the type, for messages and listings.</summary>
    public static string Name(this TensorDtype dtype) => s_all[(int)dtype].Name;

    /// <summary>Null for what safetensors cannot hold.</summary>
    public static string? SafetensorsName(this TensorDtype dtype) => s_all[(int)dtype].Safetensors;

    public static int Bits(this TensorDtype dtype) => s_all[(int)dtype].Bits;

    /// <summary>The bytes of an element; the types smaller than a byte have none and are never taken apart.</summary>
    public static int ElementBytes(this TensorDtype dtype) => s_all[(int)dtype].Bits / 8;

    /// <summary>Whether a table can be made of it: a float of its own, neither a scale nor packed with others.</summary>
    public static bool IsTableFloat(this TensorDtype dtype) => dtype <= TensorDtype.Float8E5M2Fnuz;

    public static bool IsDefined(TensorDtype dtype) => (uint)dtype < (uint)s_all.Length;

    /// <summary>The class <c>torch.{name}</c> that stores it; null for newer types, which use an untyped storage.</summary>
    public static string? StorageClass(this TensorDtype dtype) => dtype switch
    {
        TensorDtype.Float32 => "FloatStorage",
        TensorDtype.Float64 => "DoubleStorage",
        TensorDtype.Float16 => "HalfStorage",
        TensorDtype.BFloat16 => "BFloat16Storage",
        TensorDtype.Int64 => "LongStorage",
        TensorDtype.Int32 => "IntStorage",
        TensorDtype.Int16 => "ShortStorage",
        TensorDtype.Int8 => "CharStorage",
        TensorDtype.UInt8 => "ByteStorage",
        TensorDtype.Bool => "BoolStorage",
        TensorDtype.Complex64 => "ComplexFloatStorage",
        TensorDtype.Complex128 => "ComplexDoubleStorage",
        _ => null,
    };

    /// <summary>The bytes of <paramref name="shape"/>, or a negative number when they do not fit 63 bits or are no whole bytes.</summary>
    public static long ByteLength(this TensorDtype dtype, ReadOnlySpan<long> shape, out long count)
    {
        count = 1;
        foreach (long size in shape)
        {
            Int128 product = (Int128)count * size;
            if (size < 0 || product > long.MaxValue) return -1;
            count = (long)product;
        }

        Int128 bits = (Int128)count * dtype.Bits();
        return bits % 8 != 0 || bits / 8 > long.MaxValue ? -1 : (long)(bits / 8);
    }
}
