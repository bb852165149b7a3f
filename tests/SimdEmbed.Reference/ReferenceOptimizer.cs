namespace SimdEmbed.Reference;

/// <summary>The definition of right for a step: one row, one column at a time. Each rule is a class of its own.</summary>
public abstract class ReferenceOptimizer
{
    private readonly int _dim;

    /// <summary>Creates the state that a rule keeps: <c>[rows, dim]</c> for each name, or <c>[rows, 1]</c>.</summary>
    protected ReferenceOptimizer(int rows, int dim, (string Name, float Start)[] state, bool perRow = false)
    {
        _dim = dim;
        State = state.ToDictionary(entry => entry.Name, entry => Enumerable.Repeat(entry.Start, rows * (perRow ? 1 : dim)).ToArray());
    }

    /// <summary>What is remembered, by PyTorch's names.</summary>
    public IReadOnlyDictionary<string, float[]> State { get; }

    /// <summary>Steps made.</summary>
    public int Steps { get; private set; }

    /// <summary>The step's length.</summary>
    public float LearningRate { get; set; }

    /// <summary>Climb instead of descend.</summary>
    public bool Maximize { get; set; }

    /// <summary>Added to the gradient, times the weight.</summary>
    public float WeightDecay { get; set; }

    /// <summary>The limit of an element.</summary>
    public float? ClipValue { get; set; }

    /// <summary>The limit of the whole gradient's norm.</summary>
    public float? ClipNorm { get; set; }

    /// <summary>The columns of a row.</summary>
    protected int Dim => _dim;

    /// <summary>One step: of every row for a dense gradient, of <see cref="Moving"/> for a sparse one.</summary>
    public void Step(
        float[] weight,    // [rows, dim]
        float[] gradient,  // [rows, dim], zeros where nothing touched a row
        long[] touched,    // ascending
        bool dense)
    {
        float[] clipped = Array.ConvertAll(gradient, g => ClipValue is { } limit ? (g > limit ? limit : g < -limit ? -limit : g) : g);
        if (ClipNorm is { } norm)
        {
            double squares = 0;
            foreach (long row in touched)
            {
                ReadOnlySpan<float> values = clipped.AsSpan((int)row * _dim, _dim);
                squares += ReferenceMath.Dot(values, values);
            }

            float scale = (float)(norm / (Math.Sqrt(squares) + 1e-6));
            if (!(scale >= 1)) clipped = Array.ConvertAll(clipped, g => g * scale);
        }

        Steps++;
        long[] rows = dense ? [.. Enumerable.Range(0, weight.Length / _dim).Select(row => (long)row)] : Moving(touched);
        foreach (long row in rows)
        {
            float[] direction = new float[_dim];
            for (int j = 0; j < _dim; j++)
            {
                direction[j] = clipped[(row * _dim) + j] * (Maximize ? -1f : 1f);
                if (WeightDecay != 0) direction[j] += WeightDecay * weight[(row * _dim) + j];
            }

            BeginRow((int)row, direction);
            for (int j = 0; j < _dim; j++)
            {
                int at = ((int)row * _dim) + j;
                weight[at] = Move(weight[at], direction[j], at);
            }
        }
    }

    /// <summary>The rows that a sparse gradient moves.</summary>
    protected virtual long[] Moving(long[] touched) => touched;

    /// <summary>What all columns of a row share.</summary>
    protected virtual void BeginRow(int row, float[] direction)
    {
    }

    /// <summary>The new weight; <paramref name="at"/> is its place in the state.</summary>
    protected abstract float Move(float weight, float direction, int at);

    /// <summary>An integer power by squaring, from the lowest bit of the exponent up.</summary>
    protected static double Power(double x, int n)
    {
        double result = 1;
        for (; n > 0; n /= 2)
        {
            if (n % 2 == 1) result *= x;
            x *= x;
        }

        return result;
    }
}
