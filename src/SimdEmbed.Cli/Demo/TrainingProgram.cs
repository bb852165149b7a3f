namespace SimdEmbed.Cli;

/// <summary>The loss before an iteration's step; iterations count from 1.</summary>
internal sealed record LossPoint(int Iteration, float Loss);

/// <summary>What training did to the table.</summary>
internal sealed record TrainingResult(
    string Embedding,
    float[] Vector,
    float Target,
    float LearningRate,
    float[][] TableBefore,
    float[] PredictionsBefore,
    LossPoint[] Losses,
    float[][] TableAfter,
    float[] PredictionsAfter);

/// <summary>The training program: five rows learn to give 3 when multiplied with a fixed random vector.</summary>
internal sealed class TrainingProgram : IDisposable
{
    public const int Rows = 5;
    private const int Dim = 3;
    private const float Target = 3;
    private const float LearningRate = 0.015f;
    private const int Iterations = 100;
    private const int IterationsPerLine = 10;

    private readonly EmbeddingGradient _gradient;
    private readonly Sgd _optimizer;
    private readonly float[] _vector;                                   // [Dim, 1]
    private readonly int[] _indices = [.. Enumerable.Range(0, Rows)];
    private readonly float[] _output = new float[Rows * Dim];           // [Rows, Dim]
    private readonly float[] _outputGradient = new float[Rows * Dim];   // [Rows, Dim]
    private readonly float[] _prediction = new float[Rows];             // [Rows, 1]
    private readonly float[] _predictionGradient = new float[Rows];     // [Rows, 1]
    private readonly float[] _target = new float[Rows];                 // [Rows, 1]

    public TrainingProgram(ulong seed)
    {
        Embedding = new Embedding(Rows, Dim, seed);
        _gradient = Embedding.CreateGradient();
        _optimizer = new Sgd(Embedding.Weight, new SgdOptions { LearningRate = LearningRate });
        _vector = RandomVector.Create(Dim, seed);
        Array.Fill(_target, Target);
    }

    public Embedding Embedding { get; }

    public TrainingResult Train()
    {
        float[][] tableBefore = LookupStep.FirstRows(Embedding.Weight, Rows);
        float[] predictionsBefore = Predict();
        List<LossPoint> losses = [];
        for (int iteration = 1; iteration <= Iterations; iteration++)
        {
            float loss = Iterate();
            if (iteration == 1 || iteration % IterationsPerLine == 0) losses.Add(new LossPoint(iteration, loss));
        }

        return new TrainingResult(
            Embedding.ToString(),
            _vector,
            Target,
            LearningRate,
            tableBefore,
            predictionsBefore,
            [.. losses],
            LookupStep.FirstRows(Embedding.Weight, Rows),
            Predict());
    }

    /// <summary>Forward, loss, backward and step; nothing is allocated.</summary>
    public float Iterate()
    {
        Embedding.Forward<int>(_indices, _output);
        MatrixMultiplication.Forward(_output, _vector, Dim, _prediction);
        float loss = Loss.MeanSquaredError(_prediction, _target, _predictionGradient);
        MatrixMultiplication.Backward(_output, _vector, Dim, _predictionGradient, _outputGradient);
        Embedding.Backward<int>(_indices, _outputGradient, _gradient);
        _optimizer.Step(_gradient);
        return loss;
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _gradient.Dispose();
        Embedding.Dispose();
    }

    private float[] Predict()
    {
        Embedding.Forward<int>(_indices, _output);
        MatrixMultiplication.Forward(_output, _vector, Dim, _prediction);
        return [.. _prediction];
    }
}
