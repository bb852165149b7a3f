namespace SimdEmbed.Cli;

/// <summary>What a call costs, in steady state.</summary>
internal sealed record Timing(string Call, int Rows, double NsMedian, double NsBest, double BytesPerCall);

/// <summary>Times lookups and the training program's iteration.</summary>
internal static class SpeedStep
{
    private const long TableRows = 10_000;
    private const int TableDim = 64;
    private const long MaxFloatsPerCall = 1 << 20;

    private static readonly int[] s_batchSizes = [1, 8, 32];

    public static IReadOnlyList<Timing> Run(ulong seed)
    {
        using Embedding embedding = new(TableRows, TableDim, seed);
        using TrainingProgram program = new(seed);
        return CallTimer.Measure([.. Lookups(embedding), new TrainingCall(program)]);
    }

    /// <summary>Lookups in a table of the user's; its rows may be so wide that a call is no matter of nanoseconds.</summary>
    public static IReadOnlyList<Timing> Run(Embedding embedding) => CallTimer.Measure([.. Lookups(embedding)]);

    private static IEnumerable<ITimedCall> Lookups(Embedding embedding) => s_batchSizes
        .Where(rows => (long)rows * embedding.EmbeddingDim <= MaxFloatsPerCall)
        .Select(rows => new LookupCall(embedding, rows));

    private sealed class LookupCall(Embedding embedding, int rows) : ITimedCall
    {
        // A power of two, which every batch size divides: going round costs no division, which would count as the lookup's time.
        // So many indices are more than a branch predictor or the first cache remembers.
        private const int IndexCount = 1 << 14;

        private readonly int[] _indices = RandomIndices(embedding.NumEmbeddings);
        private readonly float[] _output = new float[rows * embedding.EmbeddingDim];
        private int _next;

        public string Name =>
            $"lookup of {rows} {(rows == 1 ? "row" : "rows")}, table [{embedding.NumEmbeddings}, {embedding.EmbeddingDim}]";

        public int Rows => rows;

        public void Run(int calls)
        {
            int next = _next;
            for (int call = 0; call < calls; call++)
            {
                embedding.Forward<int>(_indices.AsSpan(next, rows), _output);
                next = (next + rows) & (IndexCount - 1);
            }

            _next = next;
        }

        private static int[] RandomIndices(long rowCount)
        {
            int[] indices = new int[IndexCount];
            Random random = new(Seed: 1);
            for (int i = 0; i < indices.Length; i++) indices[i] = (int)random.NextInt64(long.Min(rowCount, int.MaxValue));
            return indices;
        }
    }

    private sealed class TrainingCall(TrainingProgram program) : ITimedCall
    {
        public string Name => $"training iteration, table [{program.Embedding.NumEmbeddings}, {program.Embedding.EmbeddingDim}]";

        public int Rows => TrainingProgram.Rows;

        public void Run(int calls)
        {
            for (int call = 0; call < calls; call++) program.Iterate();
        }
    }
}
