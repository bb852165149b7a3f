using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;
using SimdEmbed.Checkpoints;
using SimdEmbed.Formats;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>
/// Everything a training run needs to go on, by name: tables, arrays, optimizers, the step, the state of the caller's random numbers,
/// and text. It refers to what it was given and owns none of it.
/// </summary>
/// <remarks>Names are those of the tensors in the checkpoint's file. Not safe for concurrent use.</remarks>
[DebuggerDisplay("{_items.Count} parts, step {Step}")]
public sealed class TrainingState
{
    /// <summary>What checkpoints keep for themselves begins like this.</summary>
    internal const string ReservedPrefix = "simdembed.";

    private const string OptimizerName = "optimizer";
    private const string ModelName = "embedding";

    private readonly OrderedDictionary<string, object> _items = new(StringComparer.Ordinal);

    /// <summary>Creates a state that names nothing yet.</summary>
    public TrainingState()
    {
    }

    /// <summary>Creates the state of one embedding, <c>embedding.weight</c>, and its optimizer, <c>optimizer</c>.</summary>
    /// <param name="model">The embedding.</param>
    /// <param name="optimizer">What trains it.</param>
    public TrainingState(Embedding model, Optimizer optimizer)
    {
        Add(ModelName, model);
        Add(OptimizerName, optimizer);
    }

    /// <summary>Creates the state of one embedding bag, <c>embedding.weight</c>, and its optimizer, <c>optimizer</c>.</summary>
    /// <param name="model">The embedding bag.</param>
    /// <param name="optimizer">What trains it.</param>
    public TrainingState(EmbeddingBag model, Optimizer optimizer)
    {
        Add(ModelName, model);
        Add(OptimizerName, optimizer);
    }

    /// <summary>How far training is, in the caller's count; saved, and set by a load.</summary>
    public long Step { get; set; }

    /// <summary>Whatever the caller's random numbers continue from; saved, and set by a load.</summary>
    public ReadOnlyMemory<byte> RandomState { get; set; }

    /// <summary>Text by name; saved, and replaced by a load.</summary>
    public IDictionary<string, string> Metadata { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Adds a table: the tensor <paramref name="name"/>, <c>[RowCount, Dim]</c>.</summary>
    /// <param name="name">Valid Unicode, at most 1024 bytes, not taken; not beginning with <c>simdembed.</c></param>
    /// <param name="table">The table.</param>
    /// <exception cref="ArgumentException">The name is not valid or taken, or the table's rows are integer codes, which are not trained.</exception>
    public void Add(string name, EmbeddingTable table) => AddItem(name, table);

    /// <summary>Adds an embedding's table, as <c>name.weight</c>.</summary>
    /// <param name="name">As for a table.</param>
    /// <param name="embedding">The embedding.</param>
    /// <exception cref="ArgumentException">As for a table.</exception>
    public void Add(string name, Embedding embedding)
    {
        ArgumentNullException.ThrowIfNull(embedding);
        AddWeight(name, embedding.Weight);
    }

    /// <summary>Adds an embedding bag's table, as <c>name.weight</c>.</summary>
    /// <param name="name">As for a table.</param>
    /// <param name="bag">The embedding bag.</param>
    /// <exception cref="ArgumentException">As for a table.</exception>
    public void Add(string name, EmbeddingBag bag)
    {
        ArgumentNullException.ThrowIfNull(bag);
        AddWeight(name, bag.Weight);
    }

    /// <summary>Adds an array that is no table, such as the weights of a projection: the tensor <paramref name="name"/>, <c>[Length]</c>.</summary>
    /// <param name="name">As for a table.</param>
    /// <param name="values">Read by a save and written by a load.</param>
    /// <exception cref="ArgumentException">The name is not valid or taken.</exception>
    public void Add(string name, Memory<float> values) => AddItem(name, values);

    /// <summary>
    /// Adds an optimizer: its tensors are called <paramref name="name"/> and a name of <see cref="OptimizerState.Entries"/>, as in
    /// <c>optimizer.Adam.0.exp_avg</c>, and its hyperparameters stand in the file's metadata.
    /// </summary>
    /// <param name="name">As for a table.</param>
    /// <param name="optimizer">The optimizer, with its tables in the same order each time.</param>
    /// <exception cref="ArgumentException">The name is not valid or taken.</exception>
    public void Add(string name, Optimizer optimizer) => AddItem(name, optimizer);

    internal IEnumerable<KeyValuePair<string, Optimizer>> Optimizers
    {
        get
        {
            foreach ((string name, object item) in _items)
            {
                if (item is Optimizer optimizer) yield return new(name, optimizer);
            }
        }
    }

    /// <summary>The first name under which a table is in the state, or null.</summary>
    internal string? NameOf(EmbeddingTable? table)
    {
        foreach ((string name, object item) in _items)
        {
            if (ReferenceEquals(item, table)) return name;
        }

        return null;
    }

    /// <summary>Everything as tensors, as it is now.</summary>
    internal List<CheckpointTensor> Tensors()
    {
        List<CheckpointTensor> tensors = [];
        foreach ((string name, object item) in _items)
        {
            if (item is EmbeddingTable table) tensors.Add(new TableTensor(name, new NamedTable(NameOf(table)!, table)));
            else if (item is Memory<float> values) tensors.Add(new ArrayTensor(name, values));
            else OptimizerTensors.AddTo(tensors, name, (Optimizer)item, this);
        }

        return tensors;
    }

    private void AddWeight(string name, EmbeddingTable table)
    {
        // The suffix alone would pass for a name.
        ArgumentException.ThrowIfNullOrEmpty(name);
        AddItem(name + ".weight", table);
    }

    private void AddItem(string name, [NotNull] object? item, [CallerArgumentExpression(nameof(item))] string parameter = "")
    {
        const int LongestName = 1024;
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(item, parameter);
        if (item is EmbeddingTable { Codec: RowCodec.Int8 or RowCodec.Int4 or RowCodec.Int2 } table)
        {
            Throw.Argument(parameter, $"the table has {table.Codec} rows, which are not trained: save them with {nameof(SafetensorsWriter)}.");
        }

        if (!UnicodeText.IsValid(name) || Encoding.UTF8.GetByteCount(name) > LongestName) Throw.Argument(nameof(name), $"a name must be valid Unicode of at most {LongestName} bytes.");
        if (name.StartsWith(ReservedPrefix, StringComparison.Ordinal)) Throw.Argument(nameof(name), $"'{name}' begins with '{ReservedPrefix}', which is reserved.");
        if (!_items.TryAdd(name, item)) Throw.Argument(nameof(name), $"there is '{name}' already.");
    }
}
