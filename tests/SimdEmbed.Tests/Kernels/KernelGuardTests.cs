using System.Reflection;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;
using SimdEmbed.Tables;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Kernels;

/// <summary>
/// Every kernel, for every dim from 1 to 257, with each of its buffers flush against a page behind it and then against one before it that
/// nobody may touch. A read or write beyond a buffer ends the process. Run again at every vector width.
/// </summary>
[Trait("Category", "Property")]
public sealed unsafe class KernelGuardTests : IDisposable
{
    private const int Dims = 257;
    private const int Rows = 5;

    /// <summary>What takes numbers and not memory, or only asks for it ahead.</summary>
    private static readonly string[] s_withoutBuffers = ["FixedMath", "Philox", "Prefetch"];

    /// <summary>What <see cref="Every_kernel_is_here"/> compares with the kernels there are.</summary>
    private static readonly string[] s_here =
    [
        "Gather`2", "Pool`2", "MaxPool`2", "Dot`1", "Update`1", "RowNorm", "LaneReduce`1", "Elementwise", "ElementScatter", "Columns",
        "MatrixProduct", "BagFactors", "IndexCompaction", "IndexRange", "RadixSort", "SortedRows",
    ];

    private static readonly int[] s_offsets = [0, 3, 3, 7];
    private static readonly long[] s_indices = [4, 0, 4, 2, 4, 3, 4];
    private readonly List<GuardedMemory> _memories = [];
    private int _next;
    private bool _atEnd;

    [Fact]
    public void Every_kernel_is_here()
    {
        string[] kernels =
        [
            .. typeof(RowView).Assembly.GetTypes()
                .Where(type => type is { IsAbstract: true, IsSealed: true, DeclaringType: null, Namespace: "SimdEmbed.Kernels" })
                .Where(type => type.GetCustomAttribute<System.Runtime.CompilerServices.CompilerGeneratedAttribute>() == null)
                .Select(type => type.Name)
                .Where(name => !s_withoutBuffers.Contains(name)),
        ];
        Assert.Equal(s_here.Order(StringComparer.Ordinal), kernels.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(RowCodec.Float32)]
    [InlineData(RowCodec.Float16)]
    [InlineData(RowCodec.BFloat16)]
    [InlineData(RowCodec.Int8)]
    [InlineData(RowCodec.Int4)]
    [InlineData(RowCodec.Int2)]
    public void Lookups_and_bags_stay_in_their_buffers(RowCodec codec) => Everywhere(dim =>
    {
        switch (codec)
        {
            case RowCodec.Float32: Rowwise<Float32>(dim); break;
            case RowCodec.Float16: Rowwise<Float16>(dim); break;
            case RowCodec.BFloat16: Rowwise<BFloat16>(dim); break;
            case RowCodec.Int8: Rowwise<Int8>(dim); break;
            case RowCodec.Int4: Rowwise<Int4>(dim); break;
            default: Rowwise<Int2>(dim); break;
        }
    });

    [Fact]
    public void Updates_stay_in_their_buffers() => Everywhere(dim =>
    {
        float[] values = Values(Rows * dim);
        long* rows = Place<long>([0, 2, 4]);
        long* slots = Place<long>([2, 0, 1]);
        RowView table = RowView.Dense(Place<float>(values), Rows, dim);
        RowView gradients = RowView.Dense(Place<float>(values.AsSpan(0, 3 * dim)), 3, dim);
        Update<AddUpdate>.Run(table, default, rows, 3, gradients, slots, default);

        // Adam's largest: three vectors of state a row.
        RowView state = new((byte*)Place<float>(Rows * 3 * dim), 3 * dim * sizeof(float), Rows, dim);
        new Span<float>((float*)state.Rows, Rows * 3 * dim).Clear();
        AdamUpdate<On> adam = new(default);
        Update<AdamUpdate<On>>.Run(table, state, rows, 3, gradients, slots, adam);
        Update<AdamUpdate<On>>.Run(table, state, null, 3, gradients, null, adam);
        Half<BFloat16>(dim, state, rows, gradients, slots, adam);
        Half<Float16>(dim, state, rows, gradients, slots, adam);
    });

    [Fact]
    public void Reductions_and_elementwise_loops_stay_in_their_buffers() => Everywhere(dim =>
    {
        float* x = Place<float>(Values(dim)), y = Place<float>(Values(dim)), z = Place<float>(dim);
        LaneReduce<DotOp>.Run(x, y, dim, default);
        LaneReduce<SquaredDifferenceOp>.Run(x, y, dim, default);
        LaneReduce<MaxAbsOp>.Run(x, x, dim, default);
        LaneReduce<DecayedSquareOp>.Run(x, y, dim, new DecayedSquareOp(1, 0.5f));
        foreach (float p in new[] { 2, 1, 3, 0, float.PositiveInfinity, float.NegativeInfinity, 2.5f }) RowNorm.Of(x, dim, p);
        RowNorm.Limit(x, dim, 0.1f, 2);
        long* rows = Place<long>([0, 1]);
        RowView two = RowView.Dense(Place<float>(Values(2 * dim)), 2, dim);
        RowNorm.LimitRows(two, rows, 2, 0.1f, 2);
        RowNorm.LimitAll(two, 0.05f, 2);
        Elementwise.ScaledDifference(x, y, 2, z, dim);
        Elementwise.Scale(x, 2, dim);
        Elementwise.Divide(x, 3, dim);
        Elementwise.Clamp(x, 0.5f, dim);
        Assert.Equal(-1, Elementwise.FirstNonFinite(x, dim));
        Columns.Store(z, dim, 0, Place<float>(Values((dim + 15) / 16 * 16)), (dim + 15) / 16 * 16 / System.Numerics.Vector<float>.Count);
        RowRange.Of(x, dim);

        // [2, 3] x [3, dim], and back with a transposed side.
        float* left = Place<float>(Values(6)), right = Place<float>(Values(3 * dim)), product = Place<float>(2 * dim), back = Place<float>(6);
        MatrixProduct.Multiply(left, 3, 1, right, product, 2, 3, dim);
        MatrixProduct.MultiplyTransposed(product, right, back, 2, 3, dim);
    });

    [Fact]
    public void Passes_over_indices_stay_in_their_buffers() => Everywhere(count =>
    {
        long[] values = [.. Enumerable.Range(0, count).Select(i => (long)(i % 7))];
        long* wide = Place<long>(values), kept = Place<long>(count), positions = Place<long>(count);
        int* narrow = Place<int>(Array.ConvertAll(values, i => (int)i)), places = Place<int>(count);
        Assert.Equal(-1, IndexRange.FirstOutside(wide, count, 7));
        Assert.Equal(-1, IndexRange.FirstOutside(narrow, count, 7));
        IndexCompaction.Keep(wide, count, 5, kept, positions);
        IndexCompaction.Replace(wide, count, 5, 1, kept);
        float* weights = Place<float>(Values(count)), keptWeights = Place<float>(count), factors = Place<float>(2);
        int* offsets = Place<int>([0, count / 2, count]), keptOffsets = Place<int>(3);
        BagPlan<long> bags = new() { Indices = wide, Offsets = offsets, Count = 2, Weights = weights };
        IndexCompaction.KeepInBags(bags, 5, 2, new BagPlan<long> { Indices = kept, Offsets = keptOffsets, Count = 2, Weights = keptWeights }, places);
        IndexCompaction.ClearUnknown(wide, count, 5, Place<float>(count * 3), 3);
        BagFactors.WriteTotals(offsets, weights, 2, factors);
        BagFactors.DifferentiateMean(offsets, weights, factors, 2, keptWeights);
        BagFactors.WriteRoots(offsets, weights, 2, factors);
        BagFactors.DifferentiateRoot(offsets, weights, factors, 2, keptWeights);
        BagFactors.WriteShares(offsets, weights, factors, 2, keptWeights);

        ulong* keys = Place<ulong>(Array.ConvertAll(values, i => ((ulong)i << 32) | 5)), other = Place<ulong>(count);
        RadixSort.Sort(keys, other, count, 32, 64, Place<int>(RadixSort.HistogramLength(count)));
        long[] even = [.. Enumerable.Range(0, count).Select(i => 2L * i)], third = [.. Enumerable.Range(0, count).Select(i => 3L * i)];
        long* added = Place<long>(third), merged = Place<long>(2 * count), result = Place<long>(count);
        even.CopyTo(new Span<long>(merged, count));
        SortedRows.LowerBound(merged, count, 3 * count);
        SortedRows.Except(merged, count, added, count, result);
        SortedRows.Merge(merged, count, added, count, kept, positions);
    });

    public void Dispose()
    {
        foreach (GuardedMemory memory in _memories) memory.Dispose();
    }

    private void Rowwise<TCodec>(int dim)
        where TCodec : struct, IRowCodec
    {
        // A table's rows have the bytes behind them that whole vectors read; float32 rows do without, as those of a mapped file.
        nint stride = TCodec.RowBytes(dim);
        bool padded = TCodec.Bits != 32;
        byte* rows = Place<byte>((Rows * stride) + (padded ? AlignedMemory.Overread : 0));
        float* side = TCodec.Affine ? Place<float>(2 * Rows) : null;
        float* values = Place<float>(Values(dim));
        for (int row = 0; row < Rows; row++) TCodec.Encode(values, dim, rows + (row * stride), side + (2 * row));
        byte* alone = Place<byte>(stride);
        TCodec.Encode(values, dim, alone, TCodec.Affine ? Place<float>(2) : null);

        RowView table = new(rows, stride, Rows, dim, padded, side);
        Walk<long, TCodec>(table, s_indices);
        Walk<int, TCodec>(table, Array.ConvertAll(s_indices, i => (int)i));
    }

    private void Walk<TIndex, TCodec>(in RowView table, TIndex[] indices)
        where TIndex : unmanaged, System.Numerics.IBinaryInteger<TIndex>
        where TCodec : struct, IRowCodec
    {
        int dim = table.Dim;
        TIndex* list = Place<TIndex>(indices);
        float* output = Place<float>(indices.Length * dim);
        Gather<TIndex, TCodec>.Run(table, list, indices.Length, output);
        Gather<TIndex, TCodec>.RunAhead(table, list, indices.Length, Place<long>([6, 5, 4, 3, 2, 1, 0]), output);

        float* pooled = Place<float>(3 * dim), weights = Place<float>(Values(indices.Length));
        BagPlan<TIndex> plan = new() { Indices = list, Offsets = Place<int>(s_offsets), Count = 3, OutputStride = dim };
        Pool<TIndex, Sum<TCodec, Unweighted>>.Run(table, plan, pooled);
        Pool<TIndex, Largest<TCodec, Unweighted>>.Run(table, plan, pooled);
        long* winners = Place<long>(3 * dim);
        MaxPool<TIndex, Largest<TCodec, Unweighted>>.Run(table, plan, pooled, winners);
        plan.Weights = weights;
        plan.Divisors = Place<float>([2, 0, 3]);
        Pool<TIndex, Sum<TCodec, Weighted>>.Run(table, plan, pooled);
        plan.Scales = Place<float>(Values(indices.Length));
        Pool<TIndex, Sum<TCodec, LimitedWeighted>>.Run(table, plan, pooled);
        plan.Divisors = null;
        MaxPool<TIndex, Largest<TCodec, Weighted>>.Run(table, plan, pooled, winners);
        Pool<TIndex, Largest<TCodec, Weighted>>.Run(table, plan, pooled);
        if (TCodec.Affine) return;

        RowView gradients = RowView.Dense(Place<float>(Values(3 * dim)), 3, dim);
        Dot<TIndex>.RunBags<TCodec>(table, plan, gradients, Place<float>(dim), Place<float>(indices.Length));
        if (TCodec.Bits != 32) return;
        Dot<TIndex>.Run(table, list, table, list, indices.Length, Place<float>(indices.Length));

        // The first and the last column of each gradient went to a row.
        int[] elements = [0, dim - 1, dim, (2 * dim) - 1, 2 * dim, (3 * dim) - 1];
        BagPlan<int> scatter = new() { Indices = Place<int>(elements), Offsets = Place<int>([0, 2, 6]), Count = 2, OutputStride = dim };
        ElementScatter.Run(gradients, scatter, Place<float>(2 * dim));
    }

    private void Half<TCodec>(int dim, in RowView state, long* rows, in RowView gradients, long* slots, AdamUpdate<On> adam)
        where TCodec : struct, IHalfCodec
    {
        nint stride = TCodec.RowBytes(dim);
        byte* start = Place<byte>((Rows * stride) + AlignedMemory.Overread);
        new Span<byte>(start, (int)(Rows * stride)).Clear();
        RowView table = new(start, stride, Rows, dim, padded: true);
        float* scratch = Place<float>(dim + 16);
        foreach (bool dithers in new[] { true, false })
        {
            RowRounding rounding = new(dithers, 1, 0, 1);
            Update<AdamUpdate<On>>.RunHalf<TCodec>(table, 0, state, rows, 3, gradients, slots, adam, rounding, scratch);
            Update<AdamUpdate<On>>.RunHalf<TCodec>(table, 0, state, null, 3, gradients, null, adam, rounding, scratch);
        }
    }

    private void Everywhere(Action<int> run)
    {
        if (!GuardedMemory.IsSupported) return;
        foreach (bool atEnd in new[] { true, false })
        {
            _atEnd = atEnd;
            for (int dim = 1; dim <= Dims; dim++)
            {
                _next = 0;
                run(dim);
            }
        }
    }

    /// <summary>Memory of its own for each buffer of a run, the same for the next.</summary>
    private GuardedMemory Next()
    {
        const int Largest = 32 * 1024;
        if (_next == _memories.Count) _memories.Add(new GuardedMemory(Largest));
        return _memories[_next++];
    }

    private T* Place<T>(nint count)
        where T : unmanaged => Next().Place<T>(count, _atEnd);

    private T* Place<T>(ReadOnlySpan<T> values)
        where T : unmanaged => Next().Place(values, _atEnd);

    private static float[] Values(int count) => [.. Enumerable.Range(0, count).Select(i => ((i * 37 % 101) - 50) / 50f)];
}
