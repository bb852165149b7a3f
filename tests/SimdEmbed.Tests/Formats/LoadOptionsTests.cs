using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary><see cref="LoadOptions.MaxBytes"/>: what a file says of its tensors, and each table, in every format.</summary>
public sealed class LoadOptionsTests
{
    private const int Rows = 1000;
    private const int Dim = 8;
    private const int TableBytes = Rows * Dim * sizeof(float);

    [Theory]
    [InlineData(TableFileFormat.Safetensors)]
    [InlineData(TableFileFormat.PyTorch)]
    [InlineData(TableFileFormat.Npy)]
    [InlineData(TableFileFormat.Npz)]
    public void A_table_and_a_description_have_to_fit(TableFileFormat format)
    {
        using TempFolder folder = new();
        using EmbeddingTable table = EmbeddingTable.Create(Rows, Dim, Initializer.Normal(seed: 1));
        NumpyFile.Save(folder["table.npy"], table);
        string path = folder["table." + format];
        using (TableFile source = TableFile.Open(folder["table.npy"])) source.SaveAs(path, format);

        Assert.Equal("max-bytes", Rule(path, 16));
        Assert.Equal("max-bytes", Rule(path, TableBytes - 1));
        Assert.Null(Rule(path, TableBytes));
    }

    [Fact]
    public void A_legacy_file_is_read_as_far_as_its_pickles_may()
    {
        string path = Project.Path("tests", "SimdEmbed.Tests", "Golden", "files", "many_tensors_legacy.pth");

        Assert.Equal("max-bytes", Rule(path, 16));
        Assert.Equal("max-bytes", Rule(path, 5_000));
        Assert.Null(Rule(path, 20_094));
    }

    [Fact]
    public void An_archive_with_a_long_directory_is_refused_before_it_is_read()
    {
        string path = Project.Path("tests", "SimdEmbed.Tests", "Golden", "files", "many_tensors.pth");

        Assert.Equal("max-bytes", Rule(path, 5_000));
        Assert.Null(Rule(path, 43_213));
    }

    /// <summary>The rule that refuses the file or its tables; null when all of them are loaded.</summary>
    private static string? Rule(string path, long maxBytes)
    {
        try
        {
            using TableFile file = TableFile.Open(path, new LoadOptions { MaxBytes = maxBytes });
            foreach (TensorInfo tensor in file.Tensors)
            {
                if (tensor.IsTable) file.LoadTable(tensor.Name).Dispose();
            }

            return null;
        }
        catch (TableFormatException e)
        {
            return e.Rule;
        }
    }
}
