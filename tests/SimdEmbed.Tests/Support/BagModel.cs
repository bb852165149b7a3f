using System.Numerics;
using SimdEmbed.Kernels;
using SimdEmbed.Reference;

namespace SimdEmbed.Tests.Support;

/// <summary>A use of <see cref="EmbeddingBag"/>: any pooling, any form of offsets, with weights or without.</summary>
internal sealed class BagModel : Model
{
    private readonly Pooling _pooling;
    private readonly int _form;
    private readonly int[] _starts;
    private readonly float[]? _weights;
    private readonly float[] _outputGradient;

    public BagModel(int seed)
        : base(seed)
    {
        _pooling = (Pooling)Random.Next(Enum.GetValues<Pooling>().Length);
        _form = Random.Next(6);
        _starts = NewStarts();
        _weights = _pooling != Pooling.Max && Random.Next(2) == 0 ? Values(Indices.Length) : null;
        _outputGradient = Values((_starts.Length - 1) * Dim);
    }

    public static string[] Classes { get; } =
    [
        .. CommonClasses, "mean", "sum", "max", "sqrt-n", "weighted mean", "weighted sum", "weighted sqrt-n", "int offsets", "long offsets",
        "int offsets with the last", "long offsets with the last", "lengths", "fixed length", "empty bags", "bags of padding only", "no bag",
        "limit on output, weighted", "limit on output, max",
    ];

    public override string ToString() => $"{base.ToString()}, {_pooling}, form {_form}, {_starts.Length - 1} bags, weights: {_weights is not null}";

    public override IEnumerable<string> ClassesMet()
    {
        foreach (string name in base.ClassesMet()) yield return name;
        string pooling = _pooling switch { Pooling.Mean => "mean", Pooling.Sum => "sum", Pooling.Max => "max", Pooling.SqrtN => "sqrt-n", _ => $"{_pooling}" };
        yield return _weights is null ? pooling : $"weighted {pooling}";
        yield return _form switch
        {
            0 => "int offsets",
            1 => "long offsets",
            2 => "int offsets with the last",
            3 => "long offsets with the last",
            4 => "lengths",
            _ => "fixed length",
        };
        if (_starts.Length == 1) yield return "no bag";
        if (Options is { MaxNorm: not null, RenormTarget: RenormTarget.Output })
        {
            if (_weights is not null) yield return "limit on output, weighted";
            if (_pooling == Pooling.Max) yield return "limit on output, max";
        }

        for (int bag = 0; bag < _starts.Length - 1; bag++)
        {
            long[] indices = Indices[_starts[bag].._starts[bag + 1]];
            if (indices.Length == 0) yield return "empty bags";
            else if (Array.TrueForAll(indices, i => i == Reference.PaddingRow)) yield return "bags of padding only";
        }
    }

    protected override void Check<TIndex>()
    {
        TIndex[] indices = IndicesAs<TIndex>();
        using EmbeddingBag bag = new(TestTable.From(Weight, Rows, Dim), _pooling, Options);
        using SparseGradient sparse = new(bag.Weight);
        using DenseGradient dense = new(bag.Weight);
        int count = _starts.Length - 1;
        Canary output = new(count * Dim);
        long[] winners = new long[_pooling == Pooling.Max ? count * Dim : 0];
        Canary weightsGradient = new(_weights is null ? 0 : Indices.Length);
        if (Planted >= 0)
        {
            long[] none = [.. winners];
            Refused(() => bag.Forward(NewBags(indices), output.Span, winners));
            Refused(() => bag.Backward(NewBags(indices), _outputGradient, sparse, winners, weightsGradient.Span));
            Refused(() => bag.Backward(NewBags(indices), _outputGradient, dense, winners, weightsGradient.Span));
            output.AssertUntouched();
            weightsGradient.AssertUntouched();
            Require(winners.AsSpan().SequenceEqual(none), "winners were written");
            BitEqual.AssertSameBits(Weight, TestTable.Values(bag.Weight), "weight");
            CheckGradients(new float[Rows * Dim], [], dense, sparse);
            return;
        }

        ReferenceEmbeddingBag reference = new(Rows, Dim, (ReferencePooling)_pooling, Reference, FixedMath.Pow);
        float[] expectedWeight = [.. Weight];
        long[] expectedWinners = new long[winners.Length];
        float[] expected = reference.Forward(expectedWeight, Indices, _starts, _weights, expectedWinners);
        bag.Forward(NewBags(indices), output.Span, winners);
        BitEqual.Assert(expected, output.Span, "output");
        output.AssertIntact();
        Require(winners.AsSpan().SequenceEqual(expectedWinners), "other rows won");
        BitEqual.Assert(expectedWeight, TestTable.Values(bag.Weight), "weight");
        Require(bag.UnknownIndexCount == Indices.Count(i => i < 0 || i >= Rows), "the count of unknown indices is wrong");

        float[] gradient = reference.Backward(Indices, _starts, _weights, _outputGradient, winners);
        long[] touched = reference.TouchedRows(Indices, winners);
        bag.Backward(NewBags(indices), _outputGradient, sparse, winners, weightsGradient.Span);
        bag.Backward(NewBags(indices), _outputGradient, dense, winners);
        CheckGradients(gradient, touched, dense, sparse);
        if (_weights is not null)
        {
            BitEqual.Assert(reference.FactorsGradient(expectedWeight, Indices, _starts, _weights, _outputGradient), weightsGradient.Span, "gradient of the weights");
            weightsGradient.AssertIntact();
        }

        bag.Backward(NewBags(indices), _outputGradient, sparse, winners, accumulate: true);
        bag.Backward(NewBags(indices), _outputGradient, dense, winners, accumulate: true);
        CheckGradients(Array.ConvertAll(gradient, x => x + x), touched, dense, sparse);
        BitEqual.Assert(expectedWeight, TestTable.Values(bag.Weight), "weight after backward");
    }

    private Bags<TIndex> NewBags<TIndex>(TIndex[] indices)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Bags<TIndex> bags = _form switch
        {
            0 => Bags<TIndex>.FromOffsets(indices, _starts.AsSpan(0, _starts.Length - 1)),
            1 => Bags<TIndex>.FromOffsets(indices, Array.ConvertAll(_starts[..^1], i => (long)i)),
            2 => Bags<TIndex>.FromOffsets(indices, _starts, includesLast: true),
            3 => Bags<TIndex>.FromOffsets(indices, Array.ConvertAll(_starts, i => (long)i), includesLast: true),
            4 => Bags<TIndex>.FromLengths(indices, _starts.Zip(_starts.Skip(1), (start, end) => end - start).ToArray()),
            _ => Bags<TIndex>.FixedLength(indices, _starts.Length > 1 ? _starts[1] : 1),
        };
        return _weights is null ? bags : bags.WithWeights(_weights);
    }

    private int[] NewStarts()
    {
        int n = Indices.Length;
        if (_form == 5)
        {
            int[] divisors = n == 0 ? [1] : [.. Enumerable.Range(1, n).Where(d => n % d == 0)];
            int length = divisors[Random.Next(divisors.Length)];
            return [.. Enumerable.Range(0, (n / length) + 1).Select(bag => bag * length)];
        }

        int count = n == 0 ? Random.Next(4) : Random.Next(1, 12);
        int[] starts = new int[count + 1];
        for (int bag = 1; bag < count; bag++) starts[bag] = Random.Next(4) == 0 ? starts[bag - 1] : Random.Next(n + 1);
        starts[count] = n;
        Array.Sort(starts);
        return starts;
    }
}
