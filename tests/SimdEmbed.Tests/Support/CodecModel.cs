using SimdEmbed.Kernels;
using SimdEmbed.Reference;

namespace SimdEmbed.Tests.Support;

/// <summary>A use of compact rows: stored, read back, looked up and pooled, with any options that leave the table as it is.</summary>
internal sealed class CodecModel : Model
{
    private readonly RowCodec _codec;
    private readonly Pooling _pooling;
    private readonly int[] _starts;
    private readonly float[]? _weights;
    private readonly ReferenceRow[] _rows;
    private readonly float[] _decoded;

    private const int IndexTypes = 5;
    private const int Dims = 257;

    /// <summary>All but float32, which <see cref="BagModel"/> draws.</summary>
    private static readonly int s_codecs = Enum.GetValues<RowCodec>().Length - 1;
    private static readonly int s_poolings = Enum.GetValues<Pooling>().Length;

    /// <summary>Every codec with every pooling, index type and dim from 1 to 257.</summary>
    public static int Combinations => s_codecs * s_poolings * IndexTypes * Dims;

    /// <summary>Of three seeds in a row one is the next combination, and two are of any, with narrow rows for the most part.</summary>
    public CodecModel(int seed)
        : base(seed, seed % 3 == 0 ? (seed / 3 / (s_codecs * s_poolings) % IndexTypes, (seed / 3 / (s_codecs * s_poolings * IndexTypes) % Dims) + 1) : null)
    {
        int combination = seed % 3 == 0 ? seed / 3 : Random.Next(s_codecs * s_poolings);
        _codec = (RowCodec)(1 + (combination % s_codecs));
        _pooling = (Pooling)(combination / s_codecs % s_poolings);
        _starts = NewStarts();
        _weights = _pooling != Pooling.Max && Random.Next(2) == 0 ? Values(Indices.Length) : null;
        if (IsAffine)
        {
            // Codes are for finite numbers, and int4's and int2's range is half precision's.
            for (int i = 0; i < Weight.Length; i++) if (!(Math.Abs(Weight[i]) < 60000)) Weight[i] = i % 7;
        }

        _rows = [.. Enumerable.Range(0, Rows).Select(row => Stored(Weight[(row * Dim)..((row + 1) * Dim)]))];
        _decoded = [.. _rows.SelectMany(row => row.Decode())];
    }

    public static string[] Classes { get; } =
    [
        .. CommonClasses.Where(name => name is not ("renorm table" or "frequency" or "no frequency" or "frequency, padding and unknown")),
        "wider than sixteen vectors", "half a group of words", "more than a group of words",
        .. Enum.GetValues<RowCodec>().Where(codec => codec != RowCodec.Float32).SelectMany(codec => Enum.GetValues<Pooling>().Select(pooling => $"{codec} {pooling}")),
        .. Enum.GetValues<RowCodec>().Where(codec => codec != RowCodec.Float32).Select(codec => $"{codec} weighted"),
        .. Enum.GetValues<RowCodec>().Where(codec => codec != RowCodec.Float32).Select(codec => $"{codec} limited"),
    ];

    /// <summary>Which of the combinations this is.</summary>
    public int Combination => (((((int)_codec - 1) * s_poolings) + (int)_pooling) * IndexTypes * Dims) + (IndexType * Dims) + Dim - 1;

    private bool IsAffine => _codec is RowCodec.Int8 or RowCodec.Int4 or RowCodec.Int2;

    public override string ToString() => $"{base.ToString()}, {_codec}, {_pooling}, {_starts.Length - 1} bags, weights: {_weights is not null}";

    public override IEnumerable<string> ClassesMet()
    {
        foreach (string name in base.ClassesMet().Where(name => Classes.Contains(name))) yield return name;
        if (Options.MaxNorm is not null && Options.RenormTarget == RenormTarget.Table) yield return "renorm output";
        yield return $"{_codec} {_pooling}";
        if (_weights is not null) yield return $"{_codec} weighted";
        if (Options.MaxNorm is not null) yield return $"{_codec} limited";
        if (Dim > 16 * System.Numerics.Vector<float>.Count) yield return "wider than sixteen vectors";
        if (_codec == RowCodec.Int8 && Dim < 64) yield return "half a group of words";
        if (_codec == RowCodec.Int8 && Dim > 64) yield return "more than a group of words";
    }

    protected override void Check<TIndex>()
    {
        TIndex[] indices = IndicesAs<TIndex>();
        using EmbeddingTable table = new(Rows, Dim, _codec);
        for (int row = 0; row < Rows; row++) table.SetRow(row, Weight.AsSpan(row * Dim, Dim));
        BitEqual.Assert(_decoded, TestTable.Values(table), "decoded rows");

        EmbeddingOptions options = Options with { RenormTarget = RenormTarget.Output };
        ReferenceOptions reference = Reference with { LimitOutput = true };
        using Embedding embedding = new(table, options, leaveOpen: true);
        using EmbeddingBag bag = new(table, _pooling, options, leaveOpen: true);
        Canary rows = new(Indices.Length * Dim);
        Canary pooled = new((_starts.Length - 1) * Dim);
        long[] winners = new long[_pooling == Pooling.Max ? (_starts.Length - 1) * Dim : 0];
        Bags<TIndex> bags = Bags<TIndex>.FromOffsets(indices, _starts, includesLast: true);
        if (_weights is not null) bags = bags.WithWeights(_weights);
        if (Planted >= 0)
        {
            Refused(() => embedding.Forward<TIndex>(indices, rows.Span));
            rows.AssertUntouched();
            return;
        }

        embedding.Forward<TIndex>(indices, rows.Span);
        BitEqual.Assert(ReferenceEmbedding.Forward([.. _decoded], Rows, Dim, Indices, reference, FixedMath.Pow), rows.Span, "rows");
        rows.AssertIntact();

        ReferenceEmbeddingBag expected = new(Rows, Dim, (ReferencePooling)_pooling, reference, FixedMath.Pow);
        long[] expectedWinners = new long[winners.Length];
        float[] sums = IsAffine && _pooling != Pooling.Max
            ? expected.ForwardCodes(_rows, Indices, _starts, _weights)
            : expected.Forward([.. _decoded], Indices, _starts, _weights, expectedWinners);
        bag.Forward(bags, pooled.Span, winners);
        BitEqual.Assert(sums, pooled.Span, "bags");
        pooled.AssertIntact();
        Require(winners.AsSpan().SequenceEqual(expectedWinners), "other rows won");
        if (_pooling == Pooling.Max)
        {
            bag.Forward(bags, pooled.Span);
            BitEqual.Assert(sums, pooled.Span, "bags without winners");
        }

        BitEqual.Assert(_decoded, TestTable.Values(table), "rows after all");
    }

    private ReferenceRow Stored(float[] row) => _codec switch
    {
        RowCodec.Float16 => ReferenceCodec.Float16(row),
        RowCodec.BFloat16 => ReferenceCodec.BFloat16(row),
        RowCodec.Int8 => ReferenceCodec.Int8(row),
        RowCodec.Int4 => ReferenceCodec.Narrow(row, 4),
        _ => ReferenceCodec.Narrow(row, 2),
    };

    private int[] NewStarts()
    {
        int[] starts = new int[Random.Next(2, 8)];
        for (int i = 1; i < starts.Length - 1; i++) starts[i] = Random.Next(Indices.Length + 1);
        starts[^1] = Indices.Length;
        Array.Sort(starts);
        return starts;
    }
}
