using System.Numerics.Tensors;

namespace SimdEmbed.Perf;

/// <summary>The loops that a C# programmer writes in an afternoon: checked spans, CopyTo and TensorPrimitives.</summary>
internal static class LoopCalls
{
    public const string Name = "C# loop";

    /// <summary>Whether anybody would write one by hand.</summary>
    public static bool Has(Workload workload) => workload.Threads == 1 && !workload.Mapped && workload.Kind switch
    {
        WorkloadKind.Backward => !workload.Sparse && !workload.ByFrequency,
        WorkloadKind.Step => workload.Rule == StepRule.Sgd,
        WorkloadKind.Renorm or WorkloadKind.Seed => false,
        _ => true,
    };

    public static Call? Create(WorkloadData data) => !Has(data.Workload) ? null : data.Workload.Kind switch
    {
        WorkloadKind.Lookup => new Lookup(data),
        WorkloadKind.Bag => new Bag(data),
        WorkloadKind.Backward => new Backward(data),
        WorkloadKind.Step => new Step(data),
        _ => new Read(data, CheckpointFile.Of(data, data.Workload.Format)),
    };

    private abstract class LoopCall : Call
    {
        public override string Name => LoopCalls.Name;

        protected static void CopyRows(ReadOnlySpan<float> table, int dim, int[] indices, Span<float> output)
        {
            for (int i = 0; i < indices.Length; i++) table.Slice(indices[i] * dim, dim).CopyTo(output.Slice(i * dim, dim));
        }
    }

    private sealed class Lookup(WorkloadData data) : LoopCall
    {
        private readonly float[] _output = new float[data.Workload.Count * data.Workload.Dim];

        public override void Run(int calls)
        {
            ReadOnlySpan<float> table = data.Elements;
            for (int call = 0; call < calls; call++) CopyRows(table, data.Workload.Dim, data.Batches[Turn()], _output);
        }

        public override float[] First()
        {
            CopyRows(data.Elements, data.Workload.Dim, data.Batches[0], _output);
            return _output;
        }
    }

    private sealed class Bag(WorkloadData data) : LoopCall
    {
        private readonly float[] _output = new float[data.Workload.Count * data.Workload.Dim];

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) Pool(data.Batches[Turn()]);
        }

        public override float[] First()
        {
            Pool(data.Batches[0]);
            return _output;
        }

        private void Pool(int[] indices)
        {
            int dim = data.Workload.Dim;
            ReadOnlySpan<float> table = data.Elements;
            for (int bag = 0; bag < data.Workload.Count; bag++)
            {
                Span<float> output = _output.AsSpan(bag * dim, dim);
                output.Fill(data.Workload.Pooling == Pooling.Max ? float.NegativeInfinity : 0);
                for (int i = data.Offsets[bag]; i < data.Offsets[bag + 1]; i++)
                {
                    ReadOnlySpan<float> row = table.Slice(indices[i] * dim, dim);
                    if (data.Workload.Pooling == Pooling.Max) TensorPrimitives.Max(output, row, output);
                    else if (data.Workload.Weighted) TensorPrimitives.MultiplyAdd(row, data.Weights[i], output, output);
                    else TensorPrimitives.Add(output, row, output);
                }

                if (data.Workload.Pooling == Pooling.Mean) TensorPrimitives.Divide(output, data.Workload.BagLength, output);
            }
        }
    }

    private sealed class Backward(WorkloadData data) : LoopCall
    {
        private readonly float[] _gradient = new float[data.Workload.Rows * data.Workload.Dim];

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) Scatter(data.Batches[Turn()]);
        }

        public override float[] First()
        {
            Scatter(data.Batches[0]);
            return Outcome.TouchedRows(_gradient, data);
        }

        private void Scatter(int[] indices)
        {
            int dim = data.Workload.Dim;
            Array.Clear(_gradient);
            for (int i = 0; i < indices.Length; i++)
            {
                Span<float> row = _gradient.AsSpan(indices[i] * dim, dim);
                TensorPrimitives.Add(row, data.OutputGradient.AsSpan(i * dim, dim), row);
            }
        }
    }

    /// <summary>Plain descent is linear, so that a loop may step once per position.</summary>
    private sealed class Step(WorkloadData data) : LoopCall
    {
        private readonly float[] _table = data.Elements.ToArray();
        private readonly float[] _output = new float[data.Workload.Count * data.Workload.Dim];

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) Iterate(data.Batches[Turn()]);
        }

        public override float[] First()
        {
            Iterate(data.Batches[0]);
            return Outcome.TouchedRows(_table, data);
        }

        private void Iterate(int[] indices)
        {
            int dim = data.Workload.Dim;
            CopyRows(_table, dim, indices, _output);
            for (int i = 0; i < indices.Length; i++)
            {
                Span<float> row = _table.AsSpan(indices[i] * dim, dim);
                TensorPrimitives.MultiplyAdd(data.OutputGradient.AsSpan(i * dim, dim), -OurCalls.LearningRate, row, row);
            }
        }
    }

    /// <summary>The least that loading can cost: the file's bytes into a new array.</summary>
    private sealed class Read(WorkloadData data, string path) : LoopCall
    {
        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) File.ReadAllBytes(path);
        }

        public override int WarmUpCalls(int managed) => 1;

        // The bytes are not parsed; the table they were written from stands for them.
        public override float[] First() => Outcome.FirstRows(data.Table);
    }
}
