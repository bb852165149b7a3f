using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using SimdEmbed.Kernels;

namespace SimdEmbed.Perf;

/// <summary>The kernels that stand before the rows are touched: checking every index, and sorting positions by row.</summary>
public unsafe class KernelBenchmarks
{
    private const int RowBits = 20;
    private const int Rows = 1 << RowBits;

    private int* _indices;
    private ulong* _pairs;
    private ulong* _keys;
    private ulong* _other;
    private int* _histogram;

    [Params(8_192, 65_536)]
    public int Count { get; set; }

    /// <summary>Bytes that a call must read and write: the indices; or the pairs, read and written once.</summary>
    internal static long BytesOf(string method, int count) => method == nameof(CheckIndices) ? (long)count * sizeof(int) : 2L * count * sizeof(ulong);

    [GlobalSetup]
    public void Setup()
    {
        Random random = new(1);
        _indices = (int*)NativeMemory.Alloc((nuint)Count, sizeof(int));
        _pairs = (ulong*)NativeMemory.Alloc((nuint)Count, sizeof(ulong));
        _keys = (ulong*)NativeMemory.Alloc((nuint)Count, sizeof(ulong));
        _other = (ulong*)NativeMemory.Alloc((nuint)Count, sizeof(ulong));
        _histogram = (int*)NativeMemory.Alloc((nuint)RadixSort.HistogramLength(Count), sizeof(int));
        for (int i = 0; i < Count; i++)
        {
            _indices[i] = random.Next(Rows);
            _pairs[i] = ((ulong)_indices[i] << 32) | (uint)i;
        }

        if (CheckIndices() >= 0) throw new InvalidOperationException("a right index was refused");
        ulong* sorted = SortPairs();
        for (int i = 1; i < Count; i++)
        {
            if (sorted[i - 1] >= sorted[i]) throw new InvalidOperationException($"pairs {i - 1} and {i} are out of order");
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        NativeMemory.Free(_indices);
        NativeMemory.Free(_pairs);
        NativeMemory.Free(_keys);
        NativeMemory.Free(_other);
        NativeMemory.Free(_histogram);
    }

    [Benchmark]
    public int CheckIndices() => IndexRange.FirstOutside(_indices, Count, Rows);

    /// <summary>With the copy of the pairs that are sorted.</summary>
    [Benchmark]
    public void Sort() => SortPairs();

    private ulong* SortPairs()
    {
        NativeMemory.Copy(_pairs, _keys, (nuint)Count * sizeof(ulong));
        return RadixSort.Sort(_keys, _other, Count, 32, 32 + RowBits, _histogram);
    }
}
