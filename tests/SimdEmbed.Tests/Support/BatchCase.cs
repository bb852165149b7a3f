using FsCheck;
using FsCheck.Fluent;

namespace SimdEmbed.Tests.Support;

/// <summary>One generated batch: a table, indices into it, and a gradient of what they look up.</summary>
internal sealed record BatchCase(int Rows, int Dim, long[] Indices, float[] Weight, float[] OutputGradient, bool Narrow)
{
    private static readonly float[] s_special =
        [0f, -0f, 1f, -1f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -1e-40f, float.MaxValue, float.MinValue, 1e-38f];

    /// <summary>
    /// Dims 1 to 257, batches 0 to 300, tables from one row (all duplicates) up; one value in eight is special. FsCheck's own
    /// sizes stop near 100, so every range is chosen here.
    /// </summary>
    public static Gen<BatchCase> Generator { get; } =
        from dim in Gen.Frequency((1, Gen.Choose(1, 17)), (2, Gen.Choose(1, 257)))
        from count in Gen.Frequency((1, Gen.Choose(0, 4)), (4, Gen.Choose(0, 300)))
        from rows in Gen.Frequency((1, Gen.Choose(1, 8)), (2, Gen.Choose(1, 400)))
        from seed in Gen.Choose(0, int.MaxValue - 1)
        from narrow in Gen.Elements(false, true)
        select Create(rows, dim, count, seed, narrow);

    public int[] NarrowIndices => Array.ConvertAll(Indices, i => (int)i);

    public bool HasDuplicates => Indices.Distinct().Count() != Indices.Length;

    public override string ToString() => $"{Rows} x {Dim}, {Indices.Length} {(Narrow ? "int" : "long")} indices";

    private static BatchCase Create(int rows, int dim, int count, int seed, bool narrow)
    {
        Random random = new(seed);
        long[] indices = new long[count];
        for (int i = 0; i < count; i++) indices[i] = random.Next(rows);
        return new BatchCase(rows, dim, indices, Values(random, rows * dim), Values(random, count * dim), narrow);
    }

    private static float[] Values(Random random, int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = random.Next(8) == 0
                ? s_special[random.Next(s_special.Length)]
                : (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-4, 5)));
        }

        return values;
    }
}
