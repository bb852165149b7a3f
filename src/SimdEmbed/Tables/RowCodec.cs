namespace SimdEmbed;

/// <summary>How the rows of a table are stored.</summary>
/// <remarks>
/// The integer codecs keep a float32 scale and bias for each row beside the codes: an element is <c>code * scale + bias</c>, the
/// product rounded before the sum. A bag's sum is <c>sum(code * (scale * weight)) + sum(bias * weight)</c>, both in the order of the
/// bag, with a weight of 1 where there is none.
/// </remarks>
public enum RowCodec
{
    /// <summary>IEEE 754 single precision, 4 bytes a column.</summary>
    Float32 = 0,

    /// <summary>IEEE 754 half precision, 2 bytes a column: nearest, ties to even; beyond 65504 infinity. <c>torch.float16</c>.</summary>
    Float16 = 1,

    /// <summary>The upper half of single precision, 2 bytes a column: nearest, ties to even. <c>torch.bfloat16</c>.</summary>
    BFloat16 = 2,

    /// <summary>1 byte a column: 255 steps from a row's smallest value to its largest. <c>embedding_bag_byte_prepack</c>.</summary>
    Int8 = 3,

    /// <summary>
    /// 4 bits a column: 15 steps; scale and bias are rounded to half precision. <c>embedding_bag_4bit_prepack</c>, for any dim. A row whose
    /// values lie beyond 65504 becomes NaN, as in PyTorch.
    /// </summary>
    Int4 = 4,

    /// <summary>2 bits a column: 3 steps; otherwise as <see cref="Int4"/>. <c>embedding_bag_2bit_prepack</c>, for any dim.</summary>
    Int2 = 5,
}
