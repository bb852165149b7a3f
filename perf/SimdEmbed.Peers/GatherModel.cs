using System.Text;

namespace SimdEmbed.Perf;

/// <summary>An ONNX model of one node, <c>output = Gather(table, indices)</c>, in protobuf's wire format.</summary>
internal static class GatherModel
{
    public const string Table = "table";
    public const string Indices = "indices";
    public const string Output = "output";

    private const int IrVersion = 8;
    private const int OpsetVersion = 13;

    // onnx.TensorProto.DataType
    private const int Float = 1;
    private const int Int32 = 6;

    public static byte[] Create(long rows, long dim, long count) => Message(
        Field(1, IrVersion),                                    // ModelProto.ir_version
        Field(7, Message(                                       // ModelProto.graph
            Field(1, Message(                                   // GraphProto.node
                Field(1, Table),
                Field(1, Indices),                              // NodeProto.input
                Field(2, Output),                               // NodeProto.output
                Field(4, "Gather"))),                           // NodeProto.op_type
            Field(2, "lookup"),                                 // GraphProto.name
            Field(11, ValueInfo(Table, Float, rows, dim)),      // GraphProto.input
            Field(11, ValueInfo(Indices, Int32, count)),
            Field(12, ValueInfo(Output, Float, count, dim)))),  // GraphProto.output
        Field(8, Message(Field(2, OpsetVersion))));             // ModelProto.opset_import.version

    private static byte[] ValueInfo(string name, int type, params long[] shape) => Message(
        Field(1, name),
        Field(2, Message(                                       // ValueInfoProto.type
            Field(1, Message(                                   // TypeProto.tensor_type
                Field(1, type),
                Field(2, Message([.. shape.Select(size => Field(1, Message(Field(1, size))))])))))));

    private static byte[] Message(params byte[][] fields) => [.. fields.SelectMany(field => field)];

    private static byte[] Field(int number, long value) => [.. Varint((ulong)number << 3), .. Varint((ulong)value)];

    private static byte[] Field(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    private static byte[] Field(int number, byte[] bytes) => [.. Varint(((ulong)number << 3) | 2), .. Varint((ulong)bytes.Length), .. bytes];

    private static IEnumerable<byte> Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7) yield return (byte)(value | 0x80);
        yield return (byte)value;
    }
}
