using System.Numerics;
using SimdEmbed.Kernels;
using SimdEmbed.Reference;

namespace SimdEmbed.Tests.Support;

/// <summary>
/// One generated use of an embedding with any combination of its options, checked against the reference bit for bit. A seed is
/// the whole case, so that a failure can be repeated by its number.
/// </summary>
internal sealed class EmbeddingModel
{
    private static readonly float[] s_special =
        [0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -1e-40f, float.MaxValue, float.MinValue];

    private static readonly float[] s_normTypes = [2, 2, 2, 1, 3, 0, float.PositiveInfinity, float.NegativeInfinity, 2.5f, 0.5f, -1];

    private readonly Random _random;
    private readonly int _rows;
    private readonly int _dim;
    private readonly long[] _indices;
    private readonly int _indexType;
    private readonly EmbeddingOptions _options;
    private readonly ReferenceOptions _reference;
    private readonly float[] _weight;
    private readonly float[] _outputGradient;
    private readonly int _planted = -1;

    public EmbeddingModel(int seed)
    {
        Seed = seed;
        _random = new Random(seed);
        _dim = _random.Next(3) == 0 ? _random.Next(1, 258) : _random.Next(1, 40);
        _rows = _random.Next(1, 40);
        _indexType = _random.Next(5);
        _options = NewOptions();
        _indices = NewIndices();
        if (_options.UnknownIndices == UnknownIndexPolicy.Throw && _indices.Length > 0 && _random.Next(10) == 0)
        {
            _planted = _random.Next(_indices.Length);
            _indices[_planted] = Unknown();
        }

        long padding = _options.PaddingIndex is { } p ? (p + _rows) % _rows : -1;
        _reference = new ReferenceOptions(
            padding,
            _options.MaxNorm,
            _options.NormType,
            _options.RenormTarget == RenormTarget.Output,
            _options.ScaleGradByFrequency,
            _options.UnknownIndices == UnknownIndexPolicy.PaddingRow);
        _weight = Values(_rows * _dim);
        _outputGradient = Values(_indices.Length * _dim);
    }

    public int Seed { get; }

    /// <summary>The classes of the coverage table.</summary>
    public static string[] Classes { get; } =
    [
        "padding none", "padding positive", "padding negative", "frequency", "no frequency", "renorm none", "renorm table", "renorm output",
        "byte", "ushort", "int", "uint", "long", "unknown throw", "unknown zeros", "unknown padding", "unknown met", "bad index planted",
        "empty batch", "one index", "duplicates", "narrower than a vector", "tail", "whole vectors", "norm 2", "norm 1", "norm 3", "norm 0",
        "norm infinite", "norm of another power", "renorm and unknown", "frequency, padding and unknown",
    ];

    public override string ToString() =>
        $"seed {Seed}: {_rows} x {_dim}, {_indices.Length} indices of type {_indexType}, planted {_planted}, {_options}";

    /// <summary>The classes this case is of.</summary>
    public IEnumerable<string> ClassesMet()
    {
        yield return _options.PaddingIndex switch { null => "padding none", < 0 => "padding negative", _ => "padding positive" };
        yield return _options.ScaleGradByFrequency ? "frequency" : "no frequency";
        yield return _options.MaxNorm is null ? "renorm none" : _options.RenormTarget == RenormTarget.Table ? "renorm table" : "renorm output";
        yield return _indexType switch { 0 => "byte", 1 => "ushort", 2 => "int", 3 => "uint", _ => "long" };
        yield return _options.UnknownIndices switch
        {
            UnknownIndexPolicy.Throw => "unknown throw",
            UnknownIndexPolicy.Zeros => "unknown zeros",
            _ => "unknown padding",
        };
        bool unknown = _planted < 0 && Array.Exists(_indices, i => i < 0 || i >= _rows);
        if (unknown) yield return "unknown met";
        if (_planted >= 0) yield return "bad index planted";
        if (_indices.Length == 0) yield return "empty batch";
        if (_indices.Length == 1) yield return "one index";
        if (new HashSet<long>(_indices).Count < _indices.Length) yield return "duplicates";
        int width = Vector<float>.Count;
        yield return _dim < width ? "narrower than a vector" : _dim % width == 0 ? "whole vectors" : "tail";
        if (_options.MaxNorm is not null)
        {
            yield return _options.NormType switch
            {
                0 => "norm 0",
                1 => "norm 1",
                2 => "norm 2",
                3 => "norm 3",
                float.PositiveInfinity or float.NegativeInfinity => "norm infinite",
                _ => "norm of another power",
            };
            if (unknown) yield return "renorm and unknown";
        }

        if (unknown && _options is { ScaleGradByFrequency: true, PaddingIndex: not null }) yield return "frequency, padding and unknown";
    }

    /// <summary>Runs the case; throws what a failed assertion throws.</summary>
    public void Check()
    {
        switch (_indexType)
        {
            case 0: Check<byte>(); break;
            case 1: Check<ushort>(); break;
            case 2: Check<int>(); break;
            case 3: Check<uint>(); break;
            default: Check<long>(); break;
        }
    }

    private void Check<TIndex>()
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        TIndex[] indices = Array.ConvertAll(_indices, TIndex.CreateTruncating);
        using Embedding embedding = new(TestTable.From(_weight, _rows, _dim), _options);
        using SparseGradient sparse = new(embedding.Weight);
        using DenseGradient dense = new(embedding.Weight);
        Canary output = new(_indices.Length * _dim);
        if (_planted >= 0)
        {
            Refused(() => embedding.Forward<TIndex>(indices, output.Span));
            Refused(() => embedding.Backward<TIndex>(indices, _outputGradient, sparse));
            Refused(() => embedding.Backward<TIndex>(indices, _outputGradient, dense));
            output.AssertUntouched();
            BitEqual.AssertSameBits(_weight, TestTable.Values(embedding.Weight), "weight");
            BitEqual.AssertSameBits(new float[_rows * _dim], Values(dense), "dense gradient");
            Require(sparse.Rows.IsEmpty, "sparse gradient was written");
            return;
        }

        float[] expectedWeight = [.. _weight];
        float[] expected = ReferenceEmbedding.Forward(expectedWeight, _rows, _dim, _indices, _reference, FixedMath.Pow);
        embedding.Forward<TIndex>(indices, output.Span);
        if (_options.MaxNorm is null) BitEqual.AssertSameBits(expected, output.Span, "output");
        else BitEqual.Assert(expected, output.Span, "output");
        output.AssertIntact();
        BitEqual.Assert(expectedWeight, TestTable.Values(embedding.Weight), "weight");
        Require(embedding.UnknownIndexCount == _indices.Count(i => i < 0 || i >= _rows), "the count of unknown indices is wrong");

        embedding.Backward<TIndex>(indices, _outputGradient, sparse);
        embedding.Backward<TIndex>(indices, _outputGradient, dense);
        float[] expectedGradient = ReferenceEmbedding.Backward(_rows, _dim, _indices, _outputGradient, _reference);
        BitEqual.Assert(expectedGradient, Values(dense), "dense gradient");
        long[] touched = ReferenceEmbedding.TouchedRows(_indices, _rows, _reference);
        Require(sparse.Rows.SequenceEqual(touched), "other rows are touched");
        for (int i = 0; i < touched.Length; i++)
        {
            BitEqual.Assert(expectedGradient.AsSpan((int)touched[i] * _dim, _dim), sparse.GetValues(i), $"sparse gradient of row {touched[i]}");
        }

        BitEqual.Assert(expectedWeight, TestTable.Values(embedding.Weight), "weight after backward");
    }

    private void Refused(Action call)
    {
        try
        {
            call();
        }
        catch (ArgumentOutOfRangeException e)
        {
            string start = FormattableString.Invariant($"indices[{_planted}] = {_indices[_planted]}; ");
            Require(e.Message.StartsWith(start, StringComparison.Ordinal), $"another message: {e.Message}");
            return;
        }

        Require(false, "a bad index was not refused");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition) throw new InvalidOperationException(message);
    }

    private static float[] Values(DenseGradient gradient)
    {
        float[] values = new float[gradient.Table.RowCount * gradient.Table.Dim];
        gradient.AsTensorSpan().FlattenTo(values);
        return values;
    }

    private EmbeddingOptions NewOptions()
    {
        long? padding = _random.Next(3) switch { 0 => null, 1 => _random.Next(_rows), _ => -1 - _random.Next(_rows) };
        UnknownIndexPolicy policy = _random.Next(3) switch
        {
            0 => UnknownIndexPolicy.Zeros,
            1 when padding is not null => UnknownIndexPolicy.PaddingRow,
            _ => UnknownIndexPolicy.Throw,
        };
        int renorm = _random.Next(3);
        return new EmbeddingOptions
        {
            PaddingIndex = padding,
            ScaleGradByFrequency = _random.Next(2) == 0,
            UnknownIndices = policy,
            MaxNorm = renorm == 0 ? null : (float)(_random.NextDouble() * 3),
            NormType = s_normTypes[_random.Next(s_normTypes.Length)],
            RenormTarget = renorm == 1 ? RenormTarget.Table : RenormTarget.Output,
            Sparse = _random.Next(2) == 0,
        };
    }

    private long[] NewIndices()
    {
        int count = _random.Next(6) switch { 0 => 0, 1 => 1, _ => _random.Next(2, 60) };
        long[] indices = new long[count];
        for (int i = 0; i < count; i++)
        {
            bool unknown = _options.UnknownIndices != UnknownIndexPolicy.Throw && _random.Next(5) == 0;
            indices[i] = unknown ? Unknown() : _random.Next(_rows);
        }

        return indices;
    }

    /// <summary>A number of the case's index type that is no row.</summary>
    private long Unknown()
    {
        long largest = _indexType switch { 0 => byte.MaxValue, 1 => ushort.MaxValue, 2 => int.MaxValue, 3 => uint.MaxValue, _ => long.MaxValue };
        bool signed = _indexType is 2 or 4;
        return _random.Next(4) switch
        {
            0 when signed => -1,
            1 when signed => -largest - 1,
            2 => largest,
            _ => _rows,
        };
    }

    private float[] Values(int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = _random.Next(50) == 0 ? s_special[_random.Next(s_special.Length)] : (float)((_random.NextDouble() - 0.5) * 2);
        }

        return values;
    }
}
