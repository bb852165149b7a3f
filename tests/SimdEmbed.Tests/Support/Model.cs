using System.Numerics;
using SimdEmbed.Internals;
using SimdEmbed.Reference;

namespace SimdEmbed.Tests.Support;

/// <summary>
/// One generated use of the library with any combination of its options, checked against the reference bit for bit. A seed is
/// the whole case, so that a failure can be repeated by its number.
/// </summary>
internal abstract class Model
{
    protected const int MostThreads = 8;

    private static readonly float[] s_special =
        [0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -1e-40f, float.MaxValue, float.MinValue];

    /// <summary>One case in four has numbers of all magnitudes, and many that are special.</summary>
    private readonly bool _isWild;

    /// <summary>Norms without a loop of their own are rare: their powers would take a third of all the time.</summary>
    private static readonly float[] s_normTypes =
        [2, 2, 2, 2, 2, 2, 1, 1, 3, 3, 0, 0, float.PositiveInfinity, float.PositiveInfinity, float.NegativeInfinity, float.NegativeInfinity, 2.5f, 0.5f, -1];

    static Model()
    {
        // Small batches on more threads than the machine has: the bits may depend on neither.
        WorkerSet.MaxDegree = MostThreads;
        WorkerSet.LeastFloats = 0;
    }

    protected Model(int seed, (int IndexType, int Dim)? chosen = null)
    {
        Seed = seed;
        Random = new Random(seed);
        _isWild = Random.Next(4) == 0;
        bool isLarge = Random.Next(10) == 0;
        Dim = Random.Next(3) == 0 ? Random.Next(1, 258) : Random.Next(1, 40);
        Rows = Random.Next(1, isLarge ? byte.MaxValue : 40);
        IndexType = Random.Next(5);
        if (chosen is { } both) (IndexType, Dim) = both;
        Options = NewOptions();
        Indices = NewIndices(isLarge ? 300 : 60);
        if (Options.UnknownIndices == UnknownIndexPolicy.Throw && Indices.Length > 0 && Random.Next(10) == 0)
        {
            Planted = Random.Next(Indices.Length);
            Indices[Planted] = Unknown();
        }

        Reference = new ReferenceOptions(
            Options.PaddingIndex is { } padding ? (padding + Rows) % Rows : -1,
            Options.MaxNorm,
            Options.NormType,
            Options.RenormTarget == RenormTarget.Output,
            Options.ScaleGradByFrequency,
            Options.UnknownIndices == UnknownIndexPolicy.PaddingRow);
        Weight = Values(Rows * Dim);
    }

    public int Seed { get; }

    /// <summary>The classes every model's cases fall into, for a coverage table.</summary>
    protected static string[] CommonClasses { get; } =
    [
        "padding none", "padding positive", "padding negative", "frequency", "no frequency", "renorm none", "renorm table", "renorm output",
        "byte", "ushort", "int", "uint", "long", "unknown throw", "unknown zeros", "unknown padding", "unknown met", "bad index planted",
        "empty batch", "one index", "duplicates", "narrower than a vector", "whole vectors", "norm 2", "norm 1", "norm 3", "norm 0",
        "norm infinite", "norm of another power", "renorm and unknown", "frequency, padding and unknown", "several threads",
        .. Tails,
    ];

    /// <summary>Every number of columns that may be left behind the last whole vector.</summary>
    protected static IEnumerable<string> Tails => Enumerable.Range(1, Vector<float>.Count - 1).Select(tail => $"tail of {tail}");

    protected Random Random { get; }

    protected int Rows { get; }

    protected int Dim { get; }

    protected int IndexType { get; }

    protected long[] Indices { get; }

    /// <summary>Where a bad index was put that the call has to refuse, or -1.</summary>
    protected int Planted { get; } = -1;

    protected EmbeddingOptions Options { get; }

    protected ReferenceOptions Reference { get; }

    protected float[] Weight { get; }

    public override string ToString() =>
        $"{GetType().Name} {Seed}: {Rows} x {Dim}, {Indices.Length} indices of type {IndexType}, planted {Planted}, {Options}";

    /// <summary>The classes this case is of.</summary>
    public virtual IEnumerable<string> ClassesMet()
    {
        yield return Options.PaddingIndex switch { null => "padding none", < 0 => "padding negative", _ => "padding positive" };
        yield return Options.ScaleGradByFrequency ? "frequency" : "no frequency";
        yield return Options.MaxNorm is null ? "renorm none" : Options.RenormTarget == RenormTarget.Table ? "renorm table" : "renorm output";
        yield return IndexType switch { 0 => "byte", 1 => "ushort", 2 => "int", 3 => "uint", _ => "long" };
        yield return Options.UnknownIndices switch
        {
            UnknownIndexPolicy.Throw => "unknown throw",
            UnknownIndexPolicy.Zeros => "unknown zeros",
            _ => "unknown padding",
        };
        bool unknown = Planted < 0 && Array.Exists(Indices, i => i < 0 || i >= Rows);
        if (unknown) yield return "unknown met";
        if (Planted >= 0) yield return "bad index planted";
        if (Indices.Length == 0) yield return "empty batch";
        if (Indices.Length == 1) yield return "one index";
        if (new HashSet<long>(Indices).Count < Indices.Length) yield return "duplicates";
        int width = Vector<float>.Count;
        if (Dim < width) yield return "narrower than a vector";
        yield return Dim % width == 0 ? "whole vectors" : $"tail of {Dim % width}";
        if (Options.MaxNorm is not null)
        {
            yield return Options.NormType switch
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

        if (Options.Degree > 1 && Indices.Length > 1) yield return "several threads";
        if (unknown && Options is { ScaleGradByFrequency: true, PaddingIndex: not null }) yield return "frequency, padding and unknown";
    }

    /// <summary>Runs the case; throws what a failed assertion throws.</summary>
    public void Check()
    {
        switch (IndexType)
        {
            case 0: Check<byte>(); break;
            case 1: Check<ushort>(); break;
            case 2: Check<int>(); break;
            case 3: Check<uint>(); break;
            default: Check<long>(); break;
        }
    }

    protected abstract void Check<TIndex>()
        where TIndex : unmanaged, IBinaryInteger<TIndex>;

    protected TIndex[] IndicesAs<TIndex>()
        where TIndex : unmanaged, IBinaryInteger<TIndex> => Array.ConvertAll(Indices, TIndex.CreateTruncating);

    protected void Refused(Action call)
    {
        try
        {
            call();
        }
        catch (ArgumentOutOfRangeException e)
        {
            string start = FormattableString.Invariant($"indices[{Planted}] = {Indices[Planted]}; ");
            Require(e.Message.StartsWith(start, StringComparison.Ordinal), $"another message: {e.Message}");
            return;
        }

        Require(false, "a bad index was not refused");
    }

    protected static void Require(bool condition, string message)
    {
        if (!condition) throw new InvalidOperationException(message);
    }

    /// <summary>Both gradients are <paramref name="expected"/>, and the sparse one holds just the touched rows.</summary>
    protected void CheckGradients(float[] expected, long[] touched, DenseGradient dense, SparseGradient sparse)
    {
        BitEqual.Assert(expected, TestTable.Values(dense), "dense gradient");
        Require(sparse.Rows.SequenceEqual(touched), "other rows are touched");
        for (int i = 0; i < touched.Length; i++)
        {
            BitEqual.Assert(expected.AsSpan((int)touched[i] * Dim, Dim), sparse.GetValues(i), $"sparse gradient of row {touched[i]}");
        }
    }

    protected float[] Values(int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = Random.Next(_isWild ? 8 : 50) == 0
                ? s_special[Random.Next(s_special.Length)]
                : (float)((Random.NextDouble() - 0.5) * (_isWild ? Math.Pow(10, Random.Next(-4, 5)) : 2));
        }

        return values;
    }

    private EmbeddingOptions NewOptions()
    {
        long? padding = Random.Next(3) switch { 0 => null, 1 => Random.Next(Rows), _ => -1 - Random.Next(Rows) };
        UnknownIndexPolicy policy = Random.Next(3) switch
        {
            0 => UnknownIndexPolicy.Zeros,
            1 when padding is not null => UnknownIndexPolicy.PaddingRow,
            _ => UnknownIndexPolicy.Throw,
        };
        int renorm = Random.Next(3);
        return new EmbeddingOptions
        {
            PaddingIndex = padding,
            ScaleGradByFrequency = Random.Next(2) == 0,
            UnknownIndices = policy,
            MaxNorm = renorm == 0 ? null : (float)(Random.NextDouble() * 3),
            NormType = s_normTypes[Random.Next(s_normTypes.Length)],
            RenormTarget = renorm == 1 ? RenormTarget.Table : RenormTarget.Output,
            Sparse = Random.Next(2) == 0,
            Degree = Random.Next(4) == 0 ? Random.Next(2, MostThreads + 1) : 1,
        };
    }

    private long[] NewIndices(int most)
    {
        int count = Random.Next(6) switch { 0 => 0, 1 => 1, _ => Random.Next(2, most) };
        long[] indices = new long[count];
        for (int i = 0; i < count; i++)
        {
            bool unknown = Options.UnknownIndices != UnknownIndexPolicy.Throw && Random.Next(5) == 0;
            indices[i] = unknown ? Unknown() : Random.Next(Rows);
        }

        return indices;
    }

    /// <summary>A number of the case's index type that is no row.</summary>
    private long Unknown()
    {
        long largest = IndexType switch { 0 => byte.MaxValue, 1 => ushort.MaxValue, 2 => int.MaxValue, 3 => uint.MaxValue, _ => long.MaxValue };
        bool signed = IndexType is 2 or 4;
        return Random.Next(4) switch
        {
            0 when signed => -1,
            1 when signed => -largest - 1,
            2 => largest,
            _ => Rows,
        };
    }
}
