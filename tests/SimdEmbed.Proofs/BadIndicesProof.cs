using System.CommandLine;
using System.Diagnostics;
using System.Numerics;
using SimdEmbed.Tests.Support;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>bad-indices --cases N</c>: one bad index at every position of batches of 1 to 257, with every option that writes; nothing
/// may change.
/// </summary>
internal static class BadIndicesProof
{
    private const int Rows = 300;
    private const int Dim = 5;

    public static Command Create()
    {
        Option<int> cases = new("--cases") { DefaultValueFactory = _ => 100_000, Description = "how many planted indices" };
        Command command = new("bad-indices", "Bad indices at every position, with canaries around every buffer.") { cases };
        command.SetAction(call => Run(call.GetValue(cases)));
        return command;
    }

    private static int Run(int cases)
    {
        Random random = new(1);
        using Embedding embedding = new(Rows, Dim, seed: 1, new EmbeddingOptions { MaxNorm = 0.5f, PaddingIndex = 3 });
        using SparseGradient sparse = new(embedding.Weight);
        using DenseGradient dense = new(embedding.Weight);
        embedding.Backward<int>([1, 7], new float[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, sparse);
        embedding.Backward<int>([1, 7], new float[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, dense);
        float[] weight = TestTable.Values(embedding.Weight);
        float[] sparseValues = sparse.Values.ToArray();
        float[] denseValues = TestTable.Values(dense);
        int done = 0;
        int failed = 0;
        Stopwatch clock = Stopwatch.StartNew();
        while (done < cases)
        {
            for (int length = 1; length <= 257 && done < cases; length++)
            {
                Canary output = new(length * Dim);
                float[] gradient = new float[length * Dim];
                for (int position = 0; position < length && done < cases; position++, done++)
                {
                    bool wide = random.Next(2) == 0;
                    bool refused = wide
                        ? Plant<long>(random.Next(3) switch { 0 => Rows, 1 => -1, _ => random.NextInt64(long.MinValue, long.MaxValue) | (1L << 40) })
                        : Plant<int>(random.Next(3) switch { 0 => Rows, 1 => -1, _ => random.Next(Rows, int.MaxValue) });
                    if (!refused) failed++;

                    bool Plant<TIndex>(long bad)
                        where TIndex : unmanaged, IBinaryInteger<TIndex>
                    {
                        TIndex[] indices = new TIndex[length];
                        for (int i = 0; i < length; i++) indices[i] = TIndex.CreateTruncating(random.Next(Rows));
                        indices[position] = TIndex.CreateTruncating(bad);
                        return Refuses(() => embedding.Forward<TIndex>(indices, output.Span), position)
                            && Refuses(() => embedding.Backward<TIndex>(indices, gradient, sparse, accumulate: true), position)
                            && Refuses(() => embedding.Backward<TIndex>(indices, gradient, dense), position);
                    }
                }

                output.AssertUntouched();
                BitEqual.AssertSameBits(weight, TestTable.Values(embedding.Weight), "weight");
                BitEqual.AssertSameBits(sparseValues, sparse.Values, "sparse gradient");
                BitEqual.AssertSameBits(denseValues, TestTable.Values(dense), "dense gradient");
            }
        }

        Console.WriteLine($"bad-indices: {done} planted, {3 * done} calls, {failed} not refused, 0 writes, {clock.Elapsed.TotalSeconds:F0} s");
        return failed == 0 && done > 0 ? 0 : 1;
    }

    private static bool Refuses(Action call, int position)
    {
        try
        {
            call();
            return false;
        }
        catch (ArgumentOutOfRangeException e)
        {
            return e.Message.StartsWith($"indices[{position}] = ", StringComparison.Ordinal);
        }
    }
}
