namespace SimdEmbed.Kernels;

/// <summary>Row norms as PyTorch takes them, in single precision, and the scaling of rows above a limit.</summary>
internal static unsafe class RowNorm
{
    /// <summary>Rows to ask for ahead of use.</summary>
    private const int Ahead = 8;

    /// <summary>
    /// The p-norm of a row: <c>(sum of |x|^p)^(1/p)</c>; the count of non-zeros for 0, the largest |x| for +infinity, the
    /// smallest for -infinity. A sum beyond the range of float is infinite, one below it is 0.
    /// </summary>
    public static float Of(float* row, nint dim, float p)
    {
        switch (p)
        {
            case 2: return (float)Math.Sqrt(LaneReduce<DotOp>.Run(row, row, dim, default));
            case 1: return LaneReduce<AbsSumOp>.Run(row, row, dim, default);
            case 3: return (float)FixedMath.Pow(LaneReduce<CubeSumOp>.Run(row, row, dim, default), 1.0 / 3);
            case 0: return LaneReduce<NonZeroOp>.Run(row, row, dim, default);
            case float.PositiveInfinity: return LaneReduce<MaxAbsOp>.Run(row, row, dim, default);
            case float.NegativeInfinity: return LaneReduce<MinAbsOp>.Run(row, row, dim, default);
            default: return (float)FixedMath.Pow(PowerSum(row, dim, p), 1.0 / p);
        }
    }

    /// <summary>
    /// <c>sum of |x|^p</c> for a p without a vector form: each power in double, rounded to float, and added in order, as PyTorch
    /// adds them; small p amplify the order's rounding.
    /// </summary>
    private static float PowerSum(float* row, nint dim, double p)
    {
        float sum = 0;
        for (nint i = 0; i < dim; i++) sum += (float)FixedMath.Pow(Math.Abs((double)row[i]), p);
        return sum;
    }

    /// <summary>Scales a row whose norm is strictly above the limit by <c>maxNorm / (norm + 1e-7)</c>; NaN changes nothing.</summary>
    public static void Limit(float* row, nint dim, float maxNorm, float p)
    {
        float factor = Factor(row, dim, maxNorm, p);
        if (factor != 1) Elementwise.Scale(row, factor, dim);
    }

    /// <summary>What a row is multiplied by so that its norm is within the limit; 1 where it is.</summary>
    public static float Factor(float* row, nint dim, float maxNorm, float p)
    {
        float norm = Of(row, dim, p);
        return norm > maxNorm ? (float)(maxNorm / (norm + 1e-7)) : 1;
    }

    /// <summary>Limits each of <paramref name="count"/> distinct <paramref name="rows"/> of a table.</summary>
    public static void LimitRows(in RowView table, long* rows, int count, float maxNorm, float p)
    {
        for (int i = 0; i < count; i++)
        {
            Prefetch.Row(table.Rows + ((nint)rows[int.Min(i + Ahead, count - 1)] * table.Stride), table.Stride);
            Limit((float*)(table.Rows + ((nint)rows[i] * table.Stride)), table.Dim, maxNorm, p);
        }
    }

    /// <summary>Limits every row.</summary>
    public static void LimitAll(in RowView rows, float maxNorm, float p)
    {
        for (nint i = 0; i < (nint)rows.Count; i++) Limit((float*)(rows.Rows + (i * rows.Stride)), rows.Dim, maxNorm, p);
    }
}
