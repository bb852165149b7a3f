namespace SimdEmbed.Reference;

/// <summary>Stochastic gradient descent with momentum.</summary>
public sealed class ReferenceSgd(int rows, int dim, float momentum, float dampening, bool nesterov, bool keepsMoving)
    : ReferenceOptimizer(rows, dim, momentum == 0 ? [] : [("momentum_buffer", 0)])
{
    private readonly SortedSet<long> _moving = [];

    /// <inheritdoc/>
    protected override long[] Moving(long[] touched)
    {
        if (!keepsMoving) return touched;
        _moving.UnionWith(touched);
        return [.. _moving];
    }

    /// <inheritdoc/>
    protected override float Move(float weight, float direction, int at)
    {
        if (momentum == 0) return weight - (LearningRate * direction);
        float[] buffer = State["momentum_buffer"];
        float kept = Steps == 1 ? 0 : momentum;
        float added = Steps == 1 ? 1 : 1 - dampening;
        buffer[at] = (buffer[at] * kept) + (direction * added);
        return weight - (LearningRate * (nesterov ? direction + (momentum * buffer[at]) : buffer[at]));
    }
}

/// <summary>Adagrad.</summary>
public sealed class ReferenceAdagrad(int rows, int dim, float decay, float start, float epsilon)
    : ReferenceOptimizer(rows, dim, [("sum", start)])
{
    /// <inheritdoc/>
    protected override float Move(float weight, float direction, int at)
    {
        float rate = (float)(LearningRate / (1 + ((Steps - 1) * (double)decay)));
        State["sum"][at] += direction * direction;
        return weight - (rate * direction / (MathF.Sqrt(State["sum"][at]) + epsilon));
    }
}

/// <summary>Adagrad with one sum a row: the mean of its squares.</summary>
public sealed class ReferenceRowWiseAdagrad(int rows, int dim, float start, float epsilon)
    : ReferenceOptimizer(rows, dim, [("sum", start)], perRow: true)
{
    private float _rate;

    /// <inheritdoc/>
    protected override void BeginRow(int row, float[] direction)
    {
        State["sum"][row] += ReferenceMath.Dot(direction, direction) / Dim;
        _rate = LearningRate / (MathF.Sqrt(State["sum"][row]) + epsilon);
    }

    /// <inheritdoc/>
    protected override float Move(float weight, float direction, int at) => weight - (_rate * direction);
}

/// <summary>Adam, and AdamW where the weight shrinks by <paramref name="decoupledDecay"/> times the learning rate.</summary>
public sealed class ReferenceAdam(int rows, int dim, double beta1, double beta2, float epsilon, bool amsgrad, float decoupledDecay)
    : ReferenceOptimizer(rows, dim, amsgrad ? [("exp_avg", 0), ("exp_avg_sq", 0), ("max_exp_avg_sq", 0)] : [("exp_avg", 0), ("exp_avg_sq", 0)])
{
    /// <inheritdoc/>
    protected override float Move(float weight, float direction, int at)
    {
        float[] mean = State["exp_avg"];
        float[] square = State["exp_avg_sq"];
        mean[at] = (mean[at] * (float)beta1) + (direction * (float)(1 - beta1));
        square[at] = (square[at] * (float)beta2) + ((float)(1 - beta2) * direction * direction);
        float largest = square[at];
        if (amsgrad) largest = State["max_exp_avg_sq"][at] = MathF.Max(State["max_exp_avg_sq"][at], square[at]);
        float rate = (float)(LearningRate / (1 - Power(beta1, Steps)));
        float root = (float)Math.Sqrt(1 - Power(beta2, Steps));
        float shrink = (float)(1 - ((double)LearningRate * decoupledDecay));
        return (weight * shrink) - (rate * mean[at] / ((MathF.Sqrt(largest) / root) + epsilon));
    }
}

/// <summary>PyTorch's Adam for sparse gradients, with its place for epsilon.</summary>
public sealed class ReferenceSparseAdam(int rows, int dim, double beta1, double beta2, float epsilon)
    : ReferenceOptimizer(rows, dim, [("exp_avg", 0), ("exp_avg_sq", 0)])
{
    /// <inheritdoc/>
    protected override float Move(float weight, float direction, int at)
    {
        float[] mean = State["exp_avg"];
        float[] square = State["exp_avg_sq"];
        mean[at] += (direction - mean[at]) * (float)(1 - beta1);
        square[at] += ((direction * direction) - square[at]) * (float)(1 - beta2);
        float rate = (float)(LearningRate * Math.Sqrt(1 - Power(beta2, Steps)) / (1 - Power(beta1, Steps)));
        return weight - (rate * (mean[at] / (MathF.Sqrt(square[at]) + epsilon)));
    }
}

/// <summary>RMSprop.</summary>
public sealed class ReferenceRmsProp(int rows, int dim, double alpha, float epsilon, float momentum, bool centered)
    : ReferenceOptimizer(rows, dim, Names(momentum, centered))
{
    /// <inheritdoc/>
    protected override float Move(float weight, float direction, int at)
    {
        float kept = (float)alpha;
        float added = (float)(1 - alpha);
        float[] square = State["square_avg"];
        square[at] = (square[at] * kept) + (added * direction * direction);
        float spread = square[at];
        if (centered)
        {
            float[] mean = State["grad_avg"];
            mean[at] = (mean[at] * kept) + (direction * added);
            spread -= mean[at] * mean[at];
        }

        float average = MathF.Sqrt(spread) + epsilon;
        if (momentum == 0) return weight - (LearningRate * direction / average);
        float[] buffer = State["momentum_buffer"];
        buffer[at] = (buffer[at] * momentum) + (direction / average);
        return weight - (LearningRate * buffer[at]);
    }

    private static (string Name, float Start)[] Names(float momentum, bool centered)
    {
        List<(string Name, float Start)> names = [("square_avg", 0)];
        if (centered) names.Add(("grad_avg", 0));
        if (momentum != 0) names.Add(("momentum_buffer", 0));
        return [.. names];
    }
}

/// <summary>FTRL-proximal, McMahan et al., algorithm 1.</summary>
public sealed class ReferenceFtrl(int rows, int dim, float beta, float l1, float l2, float start)
    : ReferenceOptimizer(rows, dim, [("n", start), ("z", 0)])
{
    /// <inheritdoc/>
    protected override float Move(float weight, float direction, int at)
    {
        float before = State["n"][at];
        float after = State["n"][at] = before + (direction * direction);
        float sigma = (MathF.Sqrt(after) - MathF.Sqrt(before)) / LearningRate;
        float evidence = State["z"][at] = State["z"][at] + direction - (sigma * weight);
        if (Math.Abs(evidence) <= l1) return 0;
        return ((evidence < 0 ? -l1 : l1) - evidence) / (((beta + MathF.Sqrt(after)) / LearningRate) + l2);
    }
}
