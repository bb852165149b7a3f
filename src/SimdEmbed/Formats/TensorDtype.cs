namespace SimdEmbed;

/// <summary>The element type of a tensor in a file. Only some become rows of a table; all can be read as bytes.</summary>
public enum TensorDtype
{
    /// <summary>IEEE 754 single precision.</summary>
    Float32,

    /// <summary>IEEE 754 double precision.</summary>
    Float64,

    /// <summary>IEEE 754 half precision.</summary>
    Float16,

    /// <summary>The upper half of a single: 8 bits of exponent, 7 of fraction.</summary>
    BFloat16,

    /// <summary>8-bit float with 4 bits of exponent, no infinities.</summary>
    Float8E4M3,

    /// <summary>8-bit float with 5 bits of exponent.</summary>
    Float8E5M2,

    /// <summary>As <see cref="Float8E4M3"/>, with one zero and one NaN, and a bias of 8.</summary>
    Float8E4M3Fnuz,

    /// <summary>As <see cref="Float8E5M2"/>, with one zero and one NaN, and a bias of 16.</summary>
    Float8E5M2Fnuz,

    /// <summary>8 bits of exponent: a power of two, for scales.</summary>
    Float8E8M0,

    /// <summary>6-bit float with 2 bits of exponent, four in three bytes.</summary>
    Float6E2M3,

    /// <summary>6-bit float with 3 bits of exponent, four in three bytes.</summary>
    Float6E3M2,

    /// <summary>4-bit float, two in a byte.</summary>
    Float4,

    /// <summary>Signed 64-bit integer.</summary>
    Int64,

    /// <summary>Signed 32-bit integer.</summary>
    Int32,

    /// <summary>Signed 16-bit integer.</summary>
    Int16,

    /// <summary>Signed 8-bit integer.</summary>
    Int8,

    /// <summary>Unsigned 64-bit integer.</summary>
    UInt64,

    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32,

    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16,

    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8,

    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Two singles: real part, imaginary part.</summary>
    Complex64,

    /// <summary>Two doubles: real part, imaginary part.</summary>
    Complex128,
}
