namespace SimdEmbed.Perf;

/// <summary>Index batches: uniform, or Zipf(1.05) over a random order of the rows. Equal workloads get equal batches.</summary>
internal static class Indices
{
    private const double Exponent = 1.05;
    private const int Seed = 20261;

    public static int[][] Create(Workload workload)
    {
        Random random = new(Seed);
        int[][] batches = new int[Workload.Batches][];
        Func<int> draw = workload.Skewed ? Zipf(workload.Rows, random) : () => random.Next(workload.Rows);
        for (int batch = 0; batch < batches.Length; batch++)
        {
            batches[batch] = new int[workload.Positions];
            for (int i = 0; i < batches[batch].Length; i++) batches[batch][i] = workload.Kind == WorkloadKind.Seed ? i : draw();
        }

        return batches;
    }

    private static Func<int> Zipf(int rows, Random random)
    {
        double[] upTo = new double[rows];
        double sum = 0;
        for (int rank = 0; rank < rows; rank++) upTo[rank] = sum += Math.Pow(rank + 1, -Exponent);

        int[] rowOf = [.. Enumerable.Range(0, rows)];
        random.Shuffle(rowOf);
        return () =>
        {
            int rank = Array.BinarySearch(upTo, random.NextDouble() * sum);
            return rowOf[int.Min(rank < 0 ? ~rank : rank, rows - 1)];
        };
    }
}
