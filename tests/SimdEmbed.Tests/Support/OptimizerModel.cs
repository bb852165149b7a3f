using System.Numerics;
using SimdEmbed.Kernels;
using SimdEmbed.Reference;

namespace SimdEmbed.Tests.Support;

/// <summary>
/// Several steps of an optimizer: Backward and Step, and the fused step, on one thread and on several, over lookups or bags, with a
/// sparse or a dense gradient. All of them are the reference's, weights and state.
/// </summary>
internal sealed class OptimizerModel : Model
{
    private readonly OptimizerRule _rule;
    private readonly bool _sparse;
    private readonly bool _bags;
    private readonly Pooling _pooling;
    private readonly bool _accumulates;
    private readonly bool _throws;
    private readonly int _threads;
    private readonly float[] _rates;
    private readonly float[][] _outputGradients;
    private readonly int[] _starts;
    private readonly float[]? _weights;

    public OptimizerModel(int seed)
        : base(seed)
    {
        _rule = OptimizerRule.All[Random.Next(OptimizerRule.All.Length)];
        _sparse = Options.Sparse;
        _bags = Random.Next(2) == 0;
        _pooling = (Pooling)Random.Next(Enum.GetValues<Pooling>().Length);
        _accumulates = Random.Next(4) == 0;
        _throws = Random.Next(6) == 0 && Planted < 0;
        _threads = Random.Next(2, MostThreads + 1);
        _rates = [.. Enumerable.Range(0, Random.Next(1, 4)).Select(_ => (float)(0.001 + Random.NextDouble()))];
        _starts = NewStarts();
        _weights = _bags && _pooling != Pooling.Max && Random.Next(3) == 0 ? Values(Indices.Length) : null;
        _outputGradients = [.. _rates.Select(_ => Values((_bags ? _starts.Length - 1 : Indices.Length) * Dim))];
        Knobs = new OptimizerKnobs(Random, _rates[0], _throws);
        if (Knobs.Codec == RowCodec.Float16) Array.ConvertAll(Weight, x => (float)(Half)x).CopyTo(Weight, 0);
        if (Knobs.Codec == RowCodec.BFloat16) ReferenceCodec.BFloat16(Weight).Codes.CopyTo(Weight, 0);
    }

    public static string[] Classes { get; } =
    [
        .. CommonClasses.Where(name => !name.StartsWith("norm", StringComparison.Ordinal) && !name.StartsWith("renorm", StringComparison.Ordinal)),
        .. OptimizerRule.All.SelectMany(rule => new[] { $"{rule.Name} sparse", $"{rule.Name} dense" }),
        "lookups", "bags", "winners", "weighted bags", "accumulated", "clip by value", "clip by norm", "clip by both", "maximize", "weight decay",
        "moving rows", "a row above its share", "non-finite refused",
        .. OptimizerRule.All.SelectMany(rule => new[] { $"{rule.Name} Float16", $"{rule.Name} BFloat16" }), "rounded to nearest",
    ];

    private OptimizerKnobs Knobs { get; }

    private bool IsMoving => _rule.Name == "Sgd" && Knobs.KeepsMoving && _sparse;

    private bool IsRefused(int step) => _throws && Array.Exists(_outputGradients[step], x => !float.IsFinite(x));

    public override string ToString() =>
        $"{base.ToString()}, {_rule.Name}, {Knobs}, {(_sparse ? "sparse" : "dense")}, {(_bags ? _pooling : "lookup")}, weights: {_weights is not null}, accumulates: {_accumulates}, {_threads} threads, rates {string.Join(' ', _rates)}";

    public override IEnumerable<string> ClassesMet()
    {
        foreach (string name in base.ClassesMet())
        {
            if (Classes.Contains(name)) yield return name;
        }

        yield return $"{_rule.Name} {(_sparse ? "sparse" : "dense")}";
        yield return _bags ? "bags" : "lookups";
        if (_bags && _pooling == Pooling.Max) yield return "winners";
        if (_weights is not null) yield return "weighted bags";
        if (_accumulates) yield return "accumulated";
        if (Knobs.ClipValue is not null) yield return "clip by value";
        if (Knobs.ClipNorm is not null) yield return "clip by norm";
        if (Knobs.ClipNorm is not null && Knobs.ClipValue is not null) yield return "clip by both";
        if (Knobs.Maximize) yield return "maximize";
        if (Knobs.WeightDecay != 0 && _rule.Decays) yield return "weight decay";
        if (IsMoving) yield return "moving rows";
        if (Knobs.Codec != RowCodec.Float32) yield return $"{_rule.Name} {Knobs.Codec}";
        if (Knobs.Codec != RowCodec.Float32 && Knobs.HalfRounding == HalfRounding.Nearest) yield return "rounded to nearest";
        if (Indices.GroupBy(i => i).Any(group => group.Count() > Indices.Length / _threads)) yield return "a row above its share";
        if (Planted < 0 && Enumerable.Range(0, _rates.Length).Any(IsRefused)) yield return "non-finite refused";
    }

    protected override void Check<TIndex>()
    {
        TIndex[] indices = IndicesAs<TIndex>();
        foreach (int degree in new[] { 1, _threads })
        {
            Run(indices, degree, fused: false);
            if (!_accumulates) Run(indices, degree, fused: true);
        }
    }

    private void Run<TIndex>(TIndex[] indices, int degree, bool fused)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        EmbeddingOptions options = Options with { MaxNorm = null };
        using EmbeddingTable table = TestTable.From(Weight, Rows, Dim, Knobs.Codec);
        using Embedding embedding = new(table, options, leaveOpen: true);
        using EmbeddingBag bag = new(table, _pooling, options, leaveOpen: true);
        using EmbeddingGradient gradient = embedding.CreateGradient();
        using Optimizer optimizer = _rule.Create(Knobs, degree);
        optimizer.Add(table);
        ReferenceOptimizer reference = _rule.Reference(Knobs, Rows, Dim);
        float[] expected = [.. Weight];
        long[] winners = NewWinners(bag, indices);
        for (int step = 0; step < _rates.Length; step++)
        {
            float[] outputGradient = _outputGradients[step];
            optimizer.LearningRate = reference.LearningRate = _rates[step];
            string where = $"after step {step}, {(fused ? "fused" : "apart")}, degree {degree}";
            Action call = () => Step(optimizer, embedding, bag, gradient, indices, outputGradient, winners, fused);
            (float[] values, long[] touched) = Gradient(outputGradient, winners);
            bool refuses = fused ? IsRefused(step) : _throws && Array.Exists(values, x => !float.IsFinite(x));
            if (Planted >= 0)
            {
                Refused(call);
            }
            else if (refuses)
            {
                RefusesNumbers(call);
            }
            else
            {
                call();
                reference.Step(expected, values, touched, dense: !_sparse);
                for (int i = 0; i < expected.Length; i++) expected[i] = Rounded(expected[i], step + 1, i / Dim, i % Dim);
            }

            Compare(expected, TestTable.Values(table), touched, $"weight {where}");
            foreach ((string name, float[] state) in reference.State)
            {
                int columns = state.Length / Rows;
                float[] actual = [.. Enumerable.Range(0, Rows).SelectMany(row => optimizer.State.GetRow(table, name, row).ToArray())];
                Require(actual.Length == Rows * columns, $"{name} has another shape");
                BitEqual.Assert(state, actual, $"{name} {where}");
            }

            Require(optimizer.State.StepsOf(table) == reference.Steps, "the count of steps is wrong");
            if (Planted >= 0 || refuses) return;
        }
    }

    private float Rounded(float weight, int step, int row, int column)
    {
        if (Knobs.Codec == RowCodec.Float32) return weight;
        bool nearest = Knobs.HalfRounding == HalfRounding.Nearest;
        uint noise = nearest ? 0 : ReferenceRounding.Noise(Knobs.RoundingSeed, 0, step, row, column);
        if (Knobs.Codec == RowCodec.BFloat16) return nearest ? ReferenceCodec.BFloat16([weight]).Codes[0] : ReferenceRounding.BFloat16(weight, noise);
        return nearest ? (float)(Half)weight : ReferenceRounding.Float16(weight, noise);
    }

    private void Step<TIndex>(
        Optimizer optimizer, Embedding embedding, EmbeddingBag bag, EmbeddingGradient gradient, TIndex[] indices, float[] outputGradient, long[] winners, bool fused)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        if (fused)
        {
            if (_bags) optimizer.Step(bag, NewBags(indices), outputGradient, winners);
            else optimizer.Step<TIndex>(embedding, indices, outputGradient);
            return;
        }

        for (int pass = 0; pass < (_accumulates ? 2 : 1); pass++)
        {
            if (_bags) bag.Backward(NewBags(indices), outputGradient, gradient, winners, accumulate: pass > 0);
            else embedding.Backward<TIndex>(indices, outputGradient, gradient, accumulate: pass > 0);
        }

        optimizer.Step(gradient);
    }

    /// <summary>
    /// A row that nothing touched and that a zero gradient leaves alone keeps its bits, whatever adding a zero would make of a -0.0: there
    /// zeros are equal.
    /// </summary>
    private void Compare(float[] expected, float[] actual, long[] touched, string what)
    {
        if (_sparse)
        {
            BitEqual.Assert(expected, actual, what);
            return;
        }

        HashSet<long> rows = [.. touched];
        float[] Unsigned(float[] values) => [.. values.Select((value, i) => value == 0 && !rows.Contains(i / Dim) ? 0 : value)];
        BitEqual.Assert(Unsigned(expected), Unsigned(actual), what);
    }

    private (float[] Values, long[] Touched) Gradient(float[] outputGradient, long[] winners)
    {
        if (Planted >= 0) return (new float[Rows * Dim], []);
        ReferenceEmbeddingBag reference = new(Rows, Dim, (ReferencePooling)_pooling, Reference with { MaxNorm = null }, FixedMath.Pow);
        float[] values = _bags
            ? reference.Backward(Indices, _starts, _weights, outputGradient, winners)
            : ReferenceEmbedding.Backward(Rows, Dim, Indices, outputGradient, Reference);
        long[] touched = _bags ? reference.TouchedRows(Indices, winners) : ReferenceEmbedding.TouchedRows(Indices, Rows, Reference);
        return (_accumulates ? Array.ConvertAll(values, x => x + x) : values, touched);
    }

    private long[] NewWinners<TIndex>(EmbeddingBag bag, TIndex[] indices)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        if (!_bags || _pooling != Pooling.Max || Planted >= 0) return new long[_bags && _pooling == Pooling.Max ? (_starts.Length - 1) * Dim : 0];
        long[] winners = new long[(_starts.Length - 1) * Dim];
        bag.Forward(NewBags(indices), new float[winners.Length], winners);
        return winners;
    }

    private static void RefusesNumbers(Action call)
    {
        try
        {
            call();
        }
        catch (ArgumentException e)
        {
            Require(e.Message.Contains("nothing was changed", StringComparison.Ordinal), $"another message: {e.Message}");
            return;
        }

        Require(false, "a gradient that is no number was not refused");
    }

    private Bags<TIndex> NewBags<TIndex>(TIndex[] indices)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
    {
        Bags<TIndex> bags = Bags<TIndex>.FromOffsets(indices, _starts, includesLast: true);
        return _weights is null ? bags : bags.WithWeights(_weights);
    }

    private int[] NewStarts()
    {
        int[] starts = new int[Random.Next(1, 12) + 1];
        for (int bag = 1; bag < starts.Length - 1; bag++) starts[bag] = Random.Next(Indices.Length + 1);
        starts[^1] = Indices.Length;
        Array.Sort(starts);
        return starts;
    }
}
