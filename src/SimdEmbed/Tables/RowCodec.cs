namespace SimdEmbed;

/// <summary>How the rows of a table are stored.</summary>
public enum RowCodec
{
    /// <summary>IEEE 754 single precision, 4 bytes a column: what can be trained.</summary>
    Float32 = 0,
}
