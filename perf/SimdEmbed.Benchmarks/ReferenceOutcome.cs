using SimdEmbed.Reference;

namespace SimdEmbed.Perf;

/// <summary>What the first call of a workload has to come to, from the naive reference.</summary>
internal static class ReferenceOutcome
{
    /// <summary>Reads the table as it is; the reference sees only the rows of the first batch, renumbered in order.</summary>
    public static float[] Of(WorkloadData data)
    {
        Workload workload = data.Workload;
        int dim = workload.Dim;
        int[] touched = Outcome.Touched(data);
        float[] weight = Outcome.TouchedRows(data.Elements, data);
        long[] indices = Array.ConvertAll(data.Batches[0], index => (long)Array.BinarySearch(touched, index));
        switch (workload.Kind)
        {
            case WorkloadKind.Lookup:
                return ReferenceEmbedding.Forward(weight, dim, indices);
            case WorkloadKind.Bag:
                ReferenceEmbeddingBag bag = new(touched.Length, dim, Enum.Parse<ReferencePooling>(workload.Pooling.ToString()), new ReferenceOptions(), Math.Pow);
                return bag.Forward(weight, indices, data.Offsets, workload.Weighted ? data.Weights : null, new long[workload.Count * dim]);
            case WorkloadKind.Backward:
                return ReferenceEmbedding.Backward(touched.Length, dim, indices, data.OutputGradient, new ReferenceOptions(ScaleByFrequency: workload.ByFrequency));
            case WorkloadKind.Renorm:
                return ReferenceEmbedding.Forward(weight, touched.Length, dim, indices, new ReferenceOptions(MaxNorm: OurCalls.FirstLimit), Math.Pow);
            case WorkloadKind.Step:
                Step(workload.Rule, weight, ReferenceEmbedding.Backward(touched.Length, dim, indices, data.OutputGradient));
                return weight;
            case WorkloadKind.Seed:
                float[] prediction = ReferenceMath.Product(ReferenceEmbedding.Forward(weight, dim, indices), OurCalls.SeedVector, workload.Count, dim, 1);
                float[] target = [.. Enumerable.Repeat(OurCalls.Target, workload.Count)];
                float[] outputGradient = ReferenceMath.Product(ReferenceMath.MeanSquaredErrorGradient(prediction, target), OurCalls.SeedVector, workload.Count, 1, dim);
                Step(StepRule.Sgd, weight, ReferenceEmbedding.Backward(touched.Length, dim, indices, outputGradient));
                return weight;
            default:
                throw new ArgumentOutOfRangeException(nameof(data), workload.Kind, "the reference has no such workload");
        }
    }

    private static void Step(StepRule rule, float[] weight, float[] gradient)
    {
        switch (rule)
        {
            case StepRule.Adagrad:
                ReferenceFirstStep.Adagrad(weight, gradient, learningRate: 1e-2f, epsilon: 1e-10f);
                break;
            case StepRule.SparseAdam:
                ReferenceFirstStep.SparseAdam(weight, gradient, learningRate: 1e-3f, epsilon: 1e-8f);
                break;
            default:
                ReferenceMath.Sgd(weight, gradient, weight.Length, [0], OurCalls.LearningRate);
                break;
        }
    }
}
