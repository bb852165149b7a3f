namespace SimdEmbed.Reference;

/// <summary>Row norms in single precision, and the limit on them.</summary>
public static class ReferenceNorm
{
    /// <summary>
    /// The p-norm of a row. Sums of 1, 2 and 3 and the extremes run over 16 lanes that are joined 8, 4, 2 and 1 apart; other
    /// powers, which <paramref name="pow"/> computes, are added in order.
    /// </summary>
    public static float Norm(
        ReadOnlySpan<float> row,  // [dim]
        float p,
        Func<double, double, double> pow)
    {
        if (p is not (0 or 1 or 2 or 3) && !float.IsInfinity(p))
        {
            float sum = 0;
            foreach (float x in row) sum += (float)pow(Math.Abs((double)x), p);
            return (float)pow(sum, 1.0 / p);
        }

        float[] lanes = new float[16];
        Array.Fill(lanes, float.IsNegativeInfinity(p) ? float.PositiveInfinity : 0);
        for (int j = 0; j < row.Length; j++) lanes[j % 16] = Join(lanes[j % 16], Term(row[j], p), p);
        for (int apart = 8; apart >= 1; apart /= 2)
        {
            for (int lane = 0; lane < apart; lane++) lanes[lane] = Join(lanes[lane], lanes[lane + apart], p);
        }

        return p switch
        {
            2 => (float)Math.Sqrt(lanes[0]),
            3 => (float)pow(lanes[0], 1.0 / 3),
            _ => lanes[0],
        };
    }

    /// <summary>What a row whose norm is strictly above the limit is multiplied by; 1 for any other.</summary>
    public static float Scale(
        ReadOnlySpan<float> row,  // [dim]
        float maxNorm,
        float p,
        Func<double, double, double> pow)
    {
        float norm = Norm(row, p, pow);
        return norm > maxNorm ? (float)(maxNorm / (norm + 1e-7)) : 1;
    }

    /// <summary>Scales a row whose norm is strictly above the limit.</summary>
    public static void Limit(
        Span<float> row,  // [dim]
        float maxNorm,
        float p,
        Func<double, double, double> pow)
    {
        float scale = Scale(row, maxNorm, p, pow);
        for (int j = 0; j < row.Length; j++) row[j] *= scale;
    }

    private static float Term(float x, float p) => p switch
    {
        0 => x == 0 ? 0 : 1,
        2 => x * x,
        3 => Math.Abs(x) * x * x,
        _ => Math.Abs(x),
    };

    private static float Join(float left, float right, float p)
    {
        if (!float.IsInfinity(p)) return left + right;
        if (float.IsNaN(left) || float.IsNaN(right)) return float.NaN;
        return p > 0 ? Math.Max(left, right) : Math.Min(left, right);
    }
}
