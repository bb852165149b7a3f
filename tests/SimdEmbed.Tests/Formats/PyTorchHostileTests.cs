using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using SimdEmbed.Formats;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>Pickles made by hand, for rules that need their own: names, views and abuse through references.</summary>
public sealed class PyTorchHostileTests
{
    private const string OrderedDict = "ccollections\nOrderedDict\n)R";

    [Fact]
    public void Dicts_in_dicts_are_addressed_by_dots_and_a_literal_name_wins()
    {
        string pickle = Dict(
            ("model", Dict(("emb.weight", Tensor(1)), ("emb", Dict(("weight", Tensor(2)), ("bias", Tensor(3)))))),
            ("model.emb.bias", Tensor(4)));
        using TempFolder folder = new();
        WriteFloats(folder["a.pth"], pickle, 8);

        Assert.Equal(1, FirstValue("model.emb.weight"));
        Assert.Equal(4, FirstValue("model.emb.bias"));
        Assert.Throws<TableFormatException>(() => FirstValue("model.emb"));
        Assert.Throws<TableFormatException>(() => FirstValue("model..emb.weight"));

        float FirstValue(string key)
        {
            using EmbeddingTable table = PyTorchCheckpoint.LoadTable(folder["a.pth"], key);
            return table.GetRow(0)[0];
        }
    }

    [Theory]
    [InlineData("(2, 2)", "(1, 2)", 0, "0 2 1 3")]
    [InlineData("(2, 2)", "(4, 1)", 1, "1 2 5 6")]
    [InlineData("(3, 2)", "(0, 1)", 6, "6 7 6 7 6 7")]
    [InlineData("(2, 1)", "(7, 99)", 0, "0 7")]
    [InlineData("(2, 3)", "(3, 1)", 2, "2 3 4 5 6 7")]
    public void Views_are_copied_by_their_strides(string shape, string stride, int offset, string expected)
    {
        using TempFolder folder = new();
        WriteFloats(folder["view.pth"], Dict(("w", Tensor(offset, shape, stride))), 8);

        using EmbeddingTable table = PyTorchCheckpoint.LoadTable(folder["view.pth"], "w");

        List<float> found = [];
        for (int row = 0; row < table.RowCount; row++) found.AddRange(table.GetRow(row));
        Assert.Equal(expected, string.Join(' ', found));
    }

    [Fact]
    public void A_view_of_a_type_that_NumPy_lacks_is_written_as_floats()
    {
        // A small whole number in float32 is two bfloat16: a zero, and the number.
        string view = Tensor(1, "(2, 2)", "(2, 4)").Replace("FloatStorage", "BFloat16Storage", StringComparison.Ordinal).Replace("NUMEL", Int(8), StringComparison.Ordinal);
        using TempFolder folder = new();
        WriteFloats(folder["view.pth"], Dict(("w", view)), 4);
        using TableFile file = TableFile.Open(folder["view.pth"]);

        file.SaveAs(folder["view.npy"], TableFileFormat.Npy);

        using TableFile npy = TableFile.Open(folder["view.npy"]);
        using EmbeddingTable table = npy.LoadTable();
        Assert.Equal(TensorDtype.Float32, npy.Tensors[0].Dtype);
        Assert.Equal([0f, 2f], table.GetRow(0).ToArray());
        Assert.Equal([1f, 3f], table.GetRow(1).ToArray());
    }

    [Fact]
    public void A_sparse_view_of_a_large_storage_is_read_without_reading_everything_into_memory()
    {
        using TempFolder folder = new();
        string pickle = Dict(("w", Tensor(5, "(3, 2)", "(400000, 1)")), ("v", Tensor(0, "(3, 2)", "(400000, 50000)")));
        WriteFloats(folder["sparse.pth"], pickle, 1_000_000);

        using StateDict tables = PyTorchCheckpoint.Load(folder["sparse.pth"]);

        Assert.Equal([400_005f, 400_006f], tables["w"].GetRow(1).ToArray());
        Assert.Equal([800_000f, 850_000f], tables["v"].GetRow(2).ToArray());
    }

    [Fact]
    public void A_repeated_element_is_not_expanded_beyond_twice_the_file()
    {
        using TempFolder folder = new();
        WriteFloats(folder["bomb.pth"], Dict(("w", Tensor(0, "(1000000, 1000)", "(0, 0)"))), 8);
        long before = GC.GetAllocatedBytesForCurrentThread();

        TableFormatException error = Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.LoadTable(folder["bomb.pth"], "w"));

        Assert.Equal("tensor-memory", error.Rule);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 10);
    }

    [Fact]
    public void Many_views_together_are_not_expanded_beyond_twice_the_file()
    {
        const int Floats = 50_000;
        (string, string)[] views = [.. Enumerable.Range(0, 100).Select(static i => ($"v{i}", Tensor(i, $"({Floats - i}, 1)", "(1, 1)")))];
        using TempFolder folder = new();
        WriteFloats(folder["views.pth"], Dict(views), Floats);

        Assert.Equal("tensor-memory", Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.Load(folder["views.pth"])).Rule);
        PyTorchCheckpoint.LoadTable(folder["views.pth"], "v99").Dispose();
    }

    [Fact]
    public void Dicts_that_double_through_references_end_soon()
    {
        // Each dict has the one before under two names: 2^40 paths. "n" is the dict that collects, so that one value is left.
        StringBuilder pickle = new("}" + Text("n") + "}q\0s");
        for (int i = 0; i < 40; i++)
        {
            string before = "h" + (char)i;
            pickle.Append(Text("n") + "}(" + Text("a") + before + Text("b") + before + "uq" + (char)(i + 1) + "s");
        }

        using TempFolder folder = new();
        WriteRaw(folder["doubling.pth"], "\x80\x02" + pickle + ".", 0);
        Stopwatch watch = Stopwatch.StartNew();

        using StateDict tables = PyTorchCheckpoint.Load(folder["doubling.pth"]);
        string path = "n." + string.Join('.', Enumerable.Repeat("a", 30)) + ".c";
        Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.LoadTable(folder["doubling.pth"], path));

        Assert.Empty(tables);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_dict_inside_itself_ends_soon_whatever_name_is_asked_for()
    {
        using TempFolder folder = new();
        WriteRaw(folder["self.pth"], "\x80\x02}q\0" + Text("a") + "h\0s.", 0);

        Assert.Empty(PyTorchCheckpoint.Load(folder["self.pth"]));
        string path = string.Join('.', Enumerable.Repeat("a", 10_000));
        Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.LoadTable(folder["self.pth"], path + ".b"));
    }

    [Fact]
    public void Names_of_nested_dicts_may_not_grow_beyond_the_file()
    {
        string key = new('k', 1000);
        string nested = Dict([.. Enumerable.Range(0, 5).Select(static i => ($"{i}", Tensor(0)))]);
        for (int i = 0; i < 20; i++) nested = Dict((key, nested));
        using TempFolder folder = new();
        WriteFloats(folder["names.pth"], nested, 8);

        TableFormatException error = Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.Load(folder["names.pth"]));

        Assert.Equal("dict-names", error.Rule);
    }

    [Fact]
    public void A_million_lists_in_a_small_file_are_refused_before_they_fill_memory()
    {
        using TempFolder folder = new();
        WriteRaw(folder["lists.pth"], "\x80\x02]" + string.Concat(Enumerable.Repeat("]a", 1_000_000)) + ".", 0);

        TableFormatException error = Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.Load(folder["lists.pth"]));

        Assert.Equal("pickle-memory", error.Rule);
    }

    [Fact]
    public void A_tensor_of_another_type_or_rank_is_refused_by_name_and_left_out_of_the_whole()
    {
        string half = Tensor(0, "(2, 2)", "(2, 1)").Replace("FloatStorage", "IntStorage", StringComparison.Ordinal);
        string cube = Tensor(0, "(2, 2, 2)", "(4, 2, 1)");
        using TempFolder folder = new();
        WriteFloats(folder["int.pth"], Dict(("w", half)), 8);
        WriteFloats(folder["cube.pth"], Dict(("w", cube)), 8);

        Assert.Contains("int32; float32 expected", Refusal("int.pth"), StringComparison.Ordinal);
        Assert.Contains("[2, 2, 2]", Refusal("cube.pth"), StringComparison.Ordinal);
        using StateDict none = PyTorchCheckpoint.Load(folder["cube.pth"]);
        Assert.Empty(none);

        string Refusal(string file) =>
            Assert.Throws<TableFormatException>(() => PyTorchCheckpoint.LoadTable(folder[file], "w")).Message;
    }

    [Fact]
    public void A_key_that_is_a_number_is_called_the_same_in_every_culture()
    {
        using TempFolder folder = new();
        WriteFloats(folder["int.pth"], OrderedDict + "(" + Int(-1) + Tensor(7) + "u", 8);
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        other.NumberFormat.NegativeSign = "\u2212";
        CultureInfo.CurrentCulture = other;
        try
        {
            using StateDict tables = PyTorchCheckpoint.Load(folder["int.pth"]);
            using EmbeddingTable table = PyTorchCheckpoint.LoadTable(folder["int.pth"], "-1");
            Assert.Equal("-1", Assert.Single(tables.Names));
            Assert.Equal(7, table.GetRow(0)[0]);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("float16", null)]
    [InlineData("float4_e2m1", "pickle-global")]
    [InlineData("float6_e3m2", "pickle-global")]
    public void A_view_of_another_type_needs_elements_of_whole_bytes(string dtype, string? rule)
    {
        string tensor = Tensor(0).Replace("_v2", "_v3", StringComparison.Ordinal)[..^"tR".Length] + $"ctorch\n{dtype}\ntR";
        using TempFolder folder = new();
        WriteFloats(folder["view.pth"], Dict(("w", tensor)), 8);
        if (rule != null)
        {
            Assert.Equal(rule, Assert.Throws<TableFormatException>(() => TableFile.Open(folder["view.pth"])).Rule);
            return;
        }

        using TableFile file = TableFile.Open(folder["view.pth"]);
        Assert.Equal(TensorDtype.Float16, Assert.Single(file.Tensors).Dtype);
    }

    /// <summary>What a tensor takes of the file is counted, and once: not what it becomes, nor how often somebody asks for it.</summary>
    [Fact]
    public void A_table_that_grows_when_it_becomes_floats_is_loaded_as_often_as_one_likes()
    {
        string tensor = Tensor(0, "(2000, 100)", "(100, 1)").Replace("_v2", "_v3", StringComparison.Ordinal)[..^"tR".Length] + "ctorch\nfloat8_e4m3fn\ntR";
        using TempFolder folder = new();
        WriteFloats(folder["view.pth"], Dict(("w", tensor)), 50_000);
        using TableFile file = TableFile.Open(folder["view.pth"]);
        for (int i = 0; i < 5; i++)
        {
            using EmbeddingTable table = file.LoadTable("w");
            Assert.Equal((2000, 100), (table.RowCount, table.Dim));
        }

        for (int i = 0; i < 3; i++) file.SaveAs(folder["w.npy"], TableFileFormat.Npy);
    }

    private static string Dict(params (string Key, string Value)[] items)
    {
        StringBuilder pickle = new(OrderedDict + "(");
        foreach ((string key, string value) in items) pickle.Append(Text(key)).Append(value);
        return pickle.Append('u').ToString();
    }

    private static string Tensor(int offset, string shape = "(1, 1)", string stride = "(1, 1)") =>
        "ctorch._utils\n_rebuild_tensor_v2\n((" + Text("storage") + "ctorch\nFloatStorage\n" + Text("0") + Text("cpu") + "NUMEL" + "tQ"
        + Int(offset) + Tuple(shape) + Tuple(stride) + "\x89" + OrderedDict + "tR";

    private static string Text(string text) => "X" + Latin(BitConverter.GetBytes(text.Length)) + text;

    private static string Int(int value) => "J" + Latin(BitConverter.GetBytes(value));

    private static string Tuple(string numbers) =>
        "(" + string.Concat(numbers.Trim('(', ')').Split(',').Select(static n => Int(int.Parse(n, null)))) + "t";

    private static string Latin(byte[] bytes) => Encoding.Latin1.GetString(bytes);

    /// <summary>A file whose storage 0 has the floats 0, 1, 2, ...</summary>
    private static void WriteFloats(string path, string value, int floats) =>
        WriteRaw(path, "\x80\x02" + value.Replace("NUMEL", Int(floats), StringComparison.Ordinal) + ".", floats);

    private static void WriteRaw(string path, string pickle, int floats)
    {
        using FileStream stream = File.Create(path);
        StoredZipWriter zip = new(stream);
        zip.Add("archive/data.pkl", Encoding.Latin1.GetBytes(pickle));
        float[] values = [.. Enumerable.Range(0, floats).Select(static i => (float)i)];
        zip.Add("archive/data/0", MemoryMarshal.AsBytes<float>(values));
        zip.Add("archive/version", "3\n"u8);
        zip.Finish();
    }
}
