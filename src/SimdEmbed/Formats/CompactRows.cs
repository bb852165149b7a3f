using System.Globalization;
using SimdEmbed.Tables;

namespace SimdEmbed.Formats;

/// <summary>
/// A table of integer codes in a safetensors file, as it lies in memory: <c>NAME</c>, int32 <c>[rows, words]</c>, the codes;
/// <c>NAME.scale_bias</c>, float32 <c>[rows, 2]</c>; and in the metadata, under <c>simdembed.codec.NAME</c>, what they are: <c>int8 128</c>, the
/// codec and the number of columns.
/// </summary>
/// <remarks>
/// A row's words form groups of sixteen, and a last group of what is left. In a group of <c>g</c> words, part <c>p</c> of word <c>i</c>, from
/// the lowest bits up, is column <c>p * g + i</c> of the group; a word has 4 parts for int8, 8 for int4, 16 for int2. A column is
/// <c>code * scale + bias</c>.
/// </remarks>
internal sealed record CompactRows(RowCodec Codec, int Dim, TensorView Codes, TensorView Pairs)
{
    public const string CodecPrefix = "simdembed.codec.";
    public const string PairsSuffix = ".scale_bias";

    private const string Rule = "codec-metadata";

    /// <summary>Bytes of a row with its scale and bias.</summary>
    public long RowBytes => RowCodecs.TotalRowBytes(Codec, Dim);

    /// <summary>The metadata of a table.</summary>
    public static string Text(RowCodec codec, int dim) => string.Create(CultureInfo.InvariantCulture, $"{NameOf(codec)} {dim}");

    /// <summary>Words of a row.</summary>
    public static long Words(RowCodec codec, int dim) => RowCodecs.RowBytes(codec, dim) / sizeof(int);

    /// <summary>Finds the tables of codes among a file's tensors; metadata about tensors that are not there is passed over.</summary>
    public static bool TryJoin(List<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata, ref FormatError error)
    {
        Dictionary<string, TensorInfo> byName = new(StringComparer.Ordinal);
        foreach ((string key, string text) in metadata)
        {
            if (!key.StartsWith(CodecPrefix, StringComparison.Ordinal)) continue;
            if (byName.Count == 0) tensors.ForEach(tensor => byName.TryAdd(tensor.Name, tensor));
            string name = key[CodecPrefix.Length..];
            if (!byName.TryGetValue(name, out TensorInfo? codes)) continue;
            string quoted = FormatError.Quote(name);
            if (!TryParse(text, out RowCodec codec, out int dim))
            {
                return error.Fail(Rule, codes.View.Place, $"tensor {quoted} is said to be {FormatError.Quote(text)}; int8, int4 or int2 and a number of columns are expected");
            }

            if (codes.Dtype != TensorDtype.Int32 || codes.View.Shape is not [long rows, long words] || words != Words(codec, dim))
            {
                return error.Fail(Rule, codes.View.Place, $"tensor {codes} is said to be {text}; int32 [rows, {Words(codec, dim)}] is expected");
            }

            if (!byName.TryGetValue(name + PairsSuffix, out TensorInfo? pairs) || pairs.Dtype != TensorDtype.Float32 || pairs.View.Shape is not [long count, 2] || count != rows)
            {
                return error.Fail(Rule, codes.View.Place, $"tensor {quoted} of {text} has no {FormatError.Quote(name + PairsSuffix)} of float32 [{rows}, 2] beside it");
            }

            codes.Compact = new CompactRows(codec, dim, codes.View, pairs.View);
            pairs.IsPart = true;
        }

        return true;
    }

    private static bool TryParse(string text, out RowCodec codec, out int dim)
    {
        dim = 0;
        string[] words = text.Split(' ');
        codec = words[0] switch
        {
            "int8" => RowCodec.Int8,
            "int4" => RowCodec.Int4,
            "int2" => RowCodec.Int2,
            _ => RowCodec.Float32,
        };
        return codec != RowCodec.Float32 && words.Length == 2
            && int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out dim) && dim >= 1;
    }

    private static string NameOf(RowCodec codec) => codec switch
    {
        RowCodec.Int8 => "int8",
        RowCodec.Int4 => "int4",
        _ => "int2",
    };
}
