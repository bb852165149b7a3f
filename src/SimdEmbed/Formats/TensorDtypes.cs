namespace SimdEmbed.Formats;

/// <summary>What the element types are called in each format, and how large they are.</summary>
internal static class TensorDtypes
{
    /// <summary>By value of the enum: bits of an element, PyTorch's name, safetensors' name, NumPy's kind and bytes, PyTorch's storage class.</summary>
    private static readonly (int Bits, string Name, string? Safetensors, string? Numpy, string? Storage)[] s_all =
    [
        (32, "float32", "F32", "f4", "FloatStorage"),
        (64, "float64", "F64", "f8", "DoubleStorage"),
        (16, "float16", "F16", "f2", "HalfStorage"),
        (16, "bfloat16", "BF16", null, "BFloat16Storage"),
        (8, "float8_e4m3fn", "F8_E4M3", null, null),
        (8, "float8_e5m2", "F8_E5M2", null, null),
        (8, "float8_e4m3fnuz", "F8_E4M3FNUZ", null, null),
        (8, "float8_e5m2fnuz", "F8_E5M2FNUZ", null, null),
        (8, "float8_e8m0fnu", "F8_E8M0", null, null),
        (6, "float6_e2m3", "F6_E2M3", null, null),
        (6, "float6_e3m2", "F6_E3M2", null, null),
        (4, "float4_e2m1", "F4", null, null),
        (64, "int64", "I64", "i8", "LongStorage"),
        (32, "int32", "I32", "i4", "IntStorage"),
        (16, "int16", "I16", "i2", "ShortStorage"),
        (8, "int8", "I8", "i1", "CharStorage"),
        (64, "uint64", "U64", "u8", null),
        (32, "uint32", "U32", "u4", null),
        (16, "uint16", "U16", "u2", null),
        (8, "uint8", "U8", "u1", "ByteStorage"),
        (8, "bool", "BOOL", "b1", "BoolStorage"),
        (64, "complex64", "C64", "c8", "ComplexFloatStorage"),
        (128, "complex128", null, "c16", "ComplexDoubleStorage"),
    ];

    /// <summary>What PyTorch and NumPy call the type, for messages and listings.</summary>
    public static string Name(this TensorDtype dtype) => s_all[(int)dtype].Name;

    /// <summary>Null for what safetensors cannot hold.</summary>
    public static string? SafetensorsName(this TensorDtype dtype) => s_all[(int)dtype].Safetensors;

    /// <summary>NumPy's type string without its first letter, the byte order; null for the types it does not have.</summary>
    public static string? NumpyName(this TensorDtype dtype) => s_all[(int)dtype].Numpy;

    public static int Bits(this TensorDtype dtype) => s_all[(int)dtype].Bits;

    /// <summary>The bytes of an element; the types smaller than a byte have none and are never taken apart.</summary>
    public static int ElementBytes(this TensorDtype dtype) => s_all[(int)dtype].Bits / 8;

    /// <summary>Whether a table can be made of it: a float of its own, neither a scale nor packed with others.</summary>
    public static bool IsTableFloat(this TensorDtype dtype) => dtype <= TensorDtype.Float8E5M2Fnuz;

    public static bool IsDefined(TensorDtype dtype) => (uint)dtype < (uint)s_all.Length;

    /// <summary>The class <c>torch.{name}</c> that stores it; null for newer types, which use an untyped storage.</summary>
    public static string? StorageClass(this TensorDtype dtype) => s_all[(int)dtype].Storage;

    /// <summary>The codec of rows that lie in a file as a table has them, or null.</summary>
    public static RowCodec? Codec(this TensorDtype dtype) => dtype switch
    {
        TensorDtype.Float32 => RowCodec.Float32,
        TensorDtype.Float16 => RowCodec.Float16,
        TensorDtype.BFloat16 => RowCodec.BFloat16,
        _ => null,
    };

    /// <summary>What rows of a codec are in a file: integer codes are words, which <see cref="CompactRows"/> explains.</summary>
    public static TensorDtype Of(RowCodec codec) => codec switch
    {
        RowCodec.Float32 => TensorDtype.Float32,
        RowCodec.Float16 => TensorDtype.Float16,
        RowCodec.BFloat16 => TensorDtype.BFloat16,
        _ => TensorDtype.Int32,
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
