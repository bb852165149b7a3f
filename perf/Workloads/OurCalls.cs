namespace SimdEmbed.Perf;

/// <summary>The library's own calls, as a user would write them.</summary>
internal static class OurCalls
{
    public const string Name = "SimdEmbed";
    public const float LearningRate = 0.015f;
    public const float Target = 3;

    /// <summary>The limit of the first call of the renorm workload, and what each next call's limit is to the one before it.</summary>
    public const float FirstLimit = 1;
    public const float LimitDecay = 0.9995f;

    /// <summary>After so many calls the rows are set back; it costs less than a thousandth.</summary>
    public const int LimitsPerRound = 4096;

    /// <summary>The vector that the SEED workload multiplies with, <c>[3, 1]</c>.</summary>
    public static float[] SeedVector { get; } = [0.5f, -1.25f, 2];

    public static Call Create(WorkloadData data) => data.Workload.Kind switch
    {
        WorkloadKind.Lookup => new Lookup(data, Catalogue.OurOptions(data.Workload)),
        WorkloadKind.Bag => new Bag(data, Catalogue.OurOptions(data.Workload)),
        WorkloadKind.Backward => new Backward(data),
        WorkloadKind.Step => new Step(data),
        WorkloadKind.Renorm => new Renorm(data),
        WorkloadKind.Seed => new Seed(data),
        WorkloadKind.Load => new Load(data.Workload, CheckpointFile.Of(data, data.Workload.Format)),
        _ => throw new ArgumentOutOfRangeException(nameof(data), data.Workload.Kind, "no such workload"),
    };

    /// <summary>What a call on several threads is compared with: itself on one; null where a call changes what the next one finds.</summary>
    public static Call? OnOneThread(WorkloadData data)
    {
        EmbeddingOptions options = Catalogue.OurOptions(data.Workload) with { Degree = 1 };
        return data.Workload.Threads == 1 ? null : data.Workload.Kind switch
        {
            WorkloadKind.Lookup => new Lookup(data, options),
            WorkloadKind.Bag => new Bag(data, options),
            _ => null,
        };
    }

    private abstract class OurCall : Call
    {
        public override string Name => OurCalls.Name;
    }

    private sealed class Lookup(WorkloadData data, EmbeddingOptions options) : OurCall
    {
        private readonly Embedding _embedding = new(data.Table, options, leaveOpen: true);
        private readonly float[] _output = new float[data.Workload.Count * data.Workload.Dim];

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) _embedding.Forward<int>(data.Batches[Turn()], _output);
        }

        public override float[] First()
        {
            _embedding.Forward<int>(data.Batches[0], _output);
            return _output;
        }
    }

    private sealed class Bag(WorkloadData data, EmbeddingOptions options) : OurCall
    {
        private readonly EmbeddingBag _bag = new(data.Compact ?? data.Table, data.Workload.Pooling, options, leaveOpen: true);
        private readonly float[] _output = new float[data.Workload.Count * data.Workload.Dim];

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) Forward(data.Batches[Turn()]);
        }

        public override float[] First()
        {
            Forward(data.Batches[0]);
            return _output;
        }

        private void Forward(int[] indices)
        {
            Bags<int> bags = Bags<int>.FromOffsets(indices, data.Offsets, includesLast: true);
            _bag.Forward(data.Workload.Weighted ? bags.WithWeights(data.Weights) : bags, _output);
        }
    }

    private sealed class Backward : OurCall
    {
        private readonly WorkloadData _data;
        private readonly Embedding _embedding;
        private readonly EmbeddingGradient _gradient;

        public Backward(WorkloadData data)
        {
            _data = data;
            _embedding = new Embedding(data.Table, Catalogue.OurOptions(data.Workload), leaveOpen: true);
            _gradient = _embedding.CreateGradient();
        }

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) _embedding.Backward<int>(_data.Batches[Turn()], _data.OutputGradient, _gradient);
        }

        public override float[] First()
        {
            _embedding.Backward<int>(_data.Batches[0], _data.OutputGradient, _gradient);
            if (_gradient is SparseGradient sparse) return sparse.Values.ToArray();
            float[] dense = new float[_data.Workload.Rows * _data.Workload.Dim];
            ((DenseGradient)_gradient).AsTensorSpan().FlattenTo(dense);
            return Outcome.TouchedRows(dense, _data);
        }

        public override void Dispose()
        {
            _gradient.Dispose();
            base.Dispose();
        }
    }

    private sealed class Step(WorkloadData data) : OurCall
    {
        private readonly Embedding _embedding = new(data.Table, Catalogue.OurOptions(data.Workload), leaveOpen: true);
        private readonly Optimizer _optimizer = NewOptimizer(data);
        private readonly float[] _output = new float[data.Workload.Count * data.Workload.Dim];

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) Iterate(data.Batches[Turn()]);
        }

        public override float[] First()
        {
            Iterate(data.Batches[0]);
            return Outcome.TouchedRows(data.Elements, data);
        }

        public override void Dispose()
        {
            _optimizer.Dispose();
            base.Dispose();
        }

        private void Iterate(int[] indices)
        {
            _embedding.Forward<int>(indices, _output);
            _optimizer.Step<int>(_embedding, indices, data.OutputGradient);
        }

        private static Optimizer NewOptimizer(WorkloadData data) => data.Workload.Rule switch
        {
            StepRule.Adagrad => new Adagrad(data.Table, new AdagradOptions { Degree = data.Workload.Threads }),
            StepRule.SparseAdam => new SparseAdam(data.Table, new SparseAdamOptions { Degree = data.Workload.Threads }),
            _ => new Sgd(data.Table, new SgdOptions { LearningRate = LearningRate, Degree = data.Workload.Threads }),
        };
    }

    /// <summary>A limit that falls a little with every call, so that every touched row is above it each time.</summary>
    private sealed class Renorm : OurCall
    {
        private readonly WorkloadData _data;
        private readonly Embedding[] _embeddings = new Embedding[LimitsPerRound];
        private readonly float[] _output;
        private readonly int[] _rows;
        private readonly float[] _before;
        private int _round;

        public Renorm(WorkloadData data)
        {
            _data = data;
            _output = new float[data.Workload.Count * data.Workload.Dim];
            float limit = FirstLimit;
            for (int i = 0; i < _embeddings.Length; i++, limit *= LimitDecay)
            {
                _embeddings[i] = new Embedding(data.Table, Catalogue.OurOptions(data.Workload) with { MaxNorm = limit }, leaveOpen: true);
            }

            _rows = [.. data.Batches.SelectMany(batch => batch).Distinct()];
            _before = new float[_rows.Length * data.Workload.Dim];
            for (int i = 0; i < _rows.Length; i++) data.Table.CopyRowTo(_rows[i], Before(i));
        }

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++)
            {
                _embeddings[_round++].Forward<int>(_data.Batches[Turn()], _output);
                if (_round < _embeddings.Length) continue;
                for (int i = 0; i < _rows.Length; i++) _data.Table.SetRow(_rows[i], Before(i));
                _round = 0;
            }
        }

        public override float[] First()
        {
            _embeddings[_round++].Forward<int>(_data.Batches[0], _output);
            return _output;
        }

        private Span<float> Before(int i) => _before.AsSpan(i * _data.Workload.Dim, _data.Workload.Dim);
    }

    private sealed class Seed(WorkloadData data) : OurCall
    {
        private readonly Embedding _embedding = new(data.Table, Catalogue.OurOptions(data.Workload), leaveOpen: true);
        private readonly Sgd _optimizer = new(data.Table, new SgdOptions { LearningRate = LearningRate });
        private readonly float[] _output = new float[data.Workload.Count * data.Workload.Dim];
        private readonly float[] _outputGradient = new float[data.Workload.Count * data.Workload.Dim];
        private readonly float[] _prediction = new float[data.Workload.Count];
        private readonly float[] _predictionGradient = new float[data.Workload.Count];
        private readonly float[] _target = [.. Enumerable.Repeat(Target, data.Workload.Count)];

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) Iterate(data.Batches[0]);
        }

        public override float[] First()
        {
            Iterate(data.Batches[0]);
            return data.Elements.ToArray();
        }

        public override void Dispose()
        {
            _optimizer.Dispose();
            base.Dispose();
        }

        private void Iterate(int[] indices)
        {
            int dim = data.Workload.Dim;
            _embedding.Forward<int>(indices, _output);
            MatrixMultiplication.Forward(_output, SeedVector, dim, _prediction);
            Loss.MeanSquaredError(_prediction, _target, _predictionGradient);
            MatrixMultiplication.Backward(_output, SeedVector, dim, _predictionGradient, _outputGradient);
            _optimizer.Step<int>(_embedding, indices, _outputGradient);
        }
    }

    private sealed class Load(Workload workload, string path) : OurCall
    {
        private readonly float[] _row = new float[workload.Dim];

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++)
            {
                using EmbeddingTable table = Open();
                table.CopyRowTo(call % workload.Rows, _row);
            }
        }

        // It copies for tenths of a second in code that is compiled already.
        public override int WarmUpCalls(int managed) => workload.Mapped ? managed : 1;

        public override float[] First()
        {
            using EmbeddingTable table = Open();
            return Outcome.FirstRows(table);
        }

        private EmbeddingTable Open()
        {
            using TableFile file = TableFile.Open(path);
            return workload.Mapped ? file.MapTable(CheckpointFile.Key) : file.LoadTable(CheckpointFile.Key);
        }
    }
}
