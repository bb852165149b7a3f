using SimdEmbed.Internals;

namespace SimdEmbed.Formats;

/// <summary>Writes tensors to a file of any format that is written.</summary>
internal static class TensorFileWriter
{
    /// <summary>What a nameless tensor is called where a name is needed: PyTorch's word for a table.</summary>
    private const string DefaultName = "weight";

    /// <summary>What a tensor of an open file becomes in another format.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="format">The format of the file to be written.</param>
    /// <param name="write">Writes the tensor's elements, as they are or as floats.</param>
    public static TensorSource Source(TensorInfo tensor, TableFileFormat format, Action<TensorInfo, bool, Stream> write)
    {
        TensorView view = tensor.View;
        string name = tensor.Name.Length == 0 && format != TableFileFormat.Npy ? DefaultName : tensor.Name;
        bool isKnown = format switch
        {
            TableFileFormat.Safetensors => view.Dtype.SafetensorsName() != null,
            TableFileFormat.PyTorch => view.Dtype.StorageClass() != null,
            _ => view.Dtype.NumpyName() != null,
        };
        bool asFloats = !isKnown && view.Dtype.IsTableFloat();
        if (!isKnown && !asFloats) Throw.Argument(nameof(format), $"{format} files cannot hold tensor '{name}' of {view.Dtype.Name()}.");
        TensorDtype dtype = asFloats ? TensorDtype.Float32 : view.Dtype;
        return new TensorSource(name, dtype, view.Shape, dtype.ByteLength(view.Shape, out _), output => write(tensor, asFloats, output));
    }

    public static void Save(
        string path,
        TableFileFormat format,
        List<TensorSource> sources,
        IReadOnlyDictionary<string, string> metadata,
        IProgress<long>? progress,
        CancellationToken cancellationToken)
    {
        switch (format)
        {
            case TableFileFormat.Safetensors:
                Safetensors(sources, metadata).Save(path, progress, cancellationToken);
                break;
            case TableFileFormat.PyTorch:
                PyTorchWriter checkpoint = new(sources.ConvertAll(source => new KeyValuePair<string, TensorSource>(source.Name, source)));
                Replace(stream => checkpoint.Write(stream, Path.GetFileNameWithoutExtension(path)));
                break;
            case TableFileFormat.Npy:
                if (sources.Count != 1)
                {
                    Throw.Argument(nameof(format), $"an .npy file holds one array, and there are {sources.Count}: name one, or write an .npz.");
                }

                Replace(stream =>
                {
                    stream.Write(NpyWriter.Header(sources[0]));
                    sources[0].Write(stream);
                });
                break;
            case TableFileFormat.Npz:
                foreach (TensorSource source in sources)
                {
                    if (!UnicodeText.IsValid(source.Name)) Throw.Argument("name", $"the name '{source.Name}' has half a surrogate pair.");
                }

                Replace(stream => WriteArchive(stream, sources));
                break;
            default:
                Throw.Argument(nameof(format), $"{format} files are not written; use {TableFileFormat.PyTorch}.");
                break;
        }

        void Replace(Action<Stream> write) => FileReplacement.Write(path, stream =>
        {
            using ProgressStream output = new(stream, progress, cancellationToken);
            write(output);
        });
    }

    private static SafetensorsWriter Safetensors(List<TensorSource> sources, IReadOnlyDictionary<string, string> metadata)
    {
        SafetensorsWriter writer = new();
        foreach ((string key, string value) in metadata)
        {
            // Python's strings may have what no file can hold.
            if (UnicodeText.IsValid(key) && UnicodeText.IsValid(value)) writer.Metadata[key] = value;
        }

        foreach (TensorSource source in sources) writer.Add(source.Name, source.Dtype, source.Shape, source.Write);
        return writer;
    }

    private static void WriteArchive(Stream stream, List<TensorSource> sources)
    {
        StoredZipWriter zip = new(stream);
        foreach (TensorSource source in sources)
        {
            byte[] header = NpyWriter.Header(source);
            zip.Add(source.Name + ".npy", header.Length + source.Length, record =>
            {
                record.Write(header);
                source.Write(record);
            });
        }

        zip.Finish();
    }
}
