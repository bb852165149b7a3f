using SimdEmbed.Gradients;
using SimdEmbed.Internals;
using SimdEmbed.Kernels;
using SimdEmbed.Tables;

namespace SimdEmbed.Optimizers;

/// <summary>
/// One step over one table: touched rows with their gradients, ready or as segment sums still to be made, and the rows that
/// move although nothing touched them.
/// </summary>
internal unsafe ref struct StepWork
{
    public RowView Table;
    public RowView State;

    /// <summary>How the table's rows are stored: floats, of half width perhaps; those are rounded.</summary>
    public RowCodec Codec;
    public RowRounding Rounding;

    /// <summary>The touched rows, ascending; null where they are the first <see cref="Count"/> of the table.</summary>
    public long* Rows;
    public int Count;

    /// <summary>Gradients that are ready, where <see cref="HasGroups"/> is false.</summary>
    public RowView Values;
    public long* Slots;

    /// <summary>Gradients to be summed.</summary>
    public bool HasGroups;
    public RowGroups Groups;
    public RowView Source;

    /// <summary>Every row of the table moves; or, besides the touched ones, those of a list.</summary>
    public bool AllRows;
    public long* OtherRows;
    public int OtherCount;

    /// <summary>Elements are put between -Clip and Clip and then scaled.</summary>
    public float Clip;
    public float Scale;

    public int Degree;

    /// <summary><see cref="Degree"/> blocks, and behind them a row of zeros.</summary>
    public float* Blocks;

    /// <summary>The sums of rows that hold more than a thread's share of the positions, and which rows those are.</summary>
    public float* HeavySums;
    public int* Heavy;
    public int HeavyCount;

    /// <summary>A row for each thread, and a vector: where half-width rows are floats.</summary>
    public float* HalfRows;

    /// <summary>The gradient of a row that nothing touched.</summary>
    public readonly float* Zeros => Block(Degree);

    /// <summary>Workspace bytes of <see cref="Take"/>.</summary>
    public static nuint Bytes(int dim, int degree) =>
        Workspace.SizeOf<float>((((long)RowGroups.BlockRows * degree) + 1) * dim) + Workspace.SizeOf<float>((long)degree * dim) + Workspace.SizeOf<int>(degree)
        + Workspace.SizeOf<float>(degree * HalfRowFloats(dim));

    /// <summary>Takes the scratch memory for a step that uses <paramref name="degree"/> threads at most.</summary>
    public void Take(int degree, float? clip, scoped ref Workspace workspace)
    {
        int dim = Table.Dim;
        Degree = degree;
        Blocks = workspace.Take<float>((((long)RowGroups.BlockRows * degree) + 1) * dim);
        HeavySums = workspace.Take<float>((long)degree * dim);
        Heavy = workspace.Take<int>(degree);
        HalfRows = workspace.Take<float>(degree * HalfRowFloats(dim));
        new Span<float>(Zeros, dim).Clear();
        Clip = clip ?? float.PositiveInfinity;
        Scale = 1;
    }

    /// <summary>Sums the rows that many positions share, by columns, so that the other work can be split by rows.</summary>
    public void SumHeavyRows()
    {
        if (!HasGroups || Groups.AreElements || Chunks == 1) return;
        int share = Groups.Starts[Count] / Degree;
        for (int g = 0; g < Count && HeavyCount < Degree; g++)
        {
            if (Groups.Starts[g + 1] - Groups.Starts[g] > share) Heavy[HeavyCount++] = g;
        }

        if (HeavyCount == 0) return;
        HeavyJob job = new() { Work = this };
        WorkerSet.Run(ref job, HeavyCount * Degree, Degree);
    }

    /// <summary>Writes the squared 2-norm of each touched row's gradient, after clipping its elements.</summary>
    public void WriteSquares(float* squares)
    {
        NormJob job = new() { Work = this, Squares = squares };
        Split(ref job);
    }

    /// <summary>Applies the step.</summary>
    public void Apply<TUpdate>(TUpdate update)
        where TUpdate : struct, IRowUpdate
    {
        ApplyJob<TUpdate> job = new() { Work = this, Update = update };
        Split(ref job);
        if (!AllRows && OtherCount == 0) return;
        OtherJob<TUpdate> others = new() { Work = this, Update = update };
        others.Chunks = RowSplit.Chunks(Degree, AllRows ? Table.Count : OtherCount, Table.Dim);
        WorkerSet.Run(ref others, others.Chunks, Degree);
    }

    /// <summary>Whole lines, and room for a vector that begins in the last column.</summary>
    private static long HalfRowFloats(int dim) => ((long)dim + 31) / 16 * 16;

    /// <summary>
    /// Updates rows of the list, or <paramref name="count"/> rows from <paramref name="first"/> on where there is none, in the codec they have.
    /// </summary>
    private readonly void Step<TUpdate>(
        long first, long* rows, int count, in RowView gradients, long* slots, TUpdate update, int participant, int following = 0)
        where TUpdate : struct, IRowUpdate
    {
        RowView table = rows == null ? From(Table, first) : Table;
        RowView state = rows == null ? From(State, first) : State;
        float* scratch = HalfRows + (participant * (nint)HalfRowFloats(Table.Dim));
        switch (Codec)
        {
            case RowCodec.Float32: Update<TUpdate>.Run(table, state, rows, count, gradients, slots, update, following); break;
            case RowCodec.Float16: Update<TUpdate>.RunHalf<Float16>(table, first, state, rows, count, gradients, slots, update, Rounding, scratch, following); break;
            default: Update<TUpdate>.RunHalf<BFloat16>(table, first, state, rows, count, gradients, slots, update, Rounding, scratch, following); break;
        }
    }

    private readonly void Split<TJob>(ref TJob job)
        where TJob : struct, IJob, allows ref struct => WorkerSet.Run(ref job, Chunks, Degree);

    private readonly int Chunks => RowSplit.Chunks(Degree, HasGroups ? Groups.Starts[Count] : Count, Table.Dim);

    /// <summary>The first touched row of a chunk: chunks have about as many positions each.</summary>
    private readonly int FirstOf(int chunk) =>
        HasGroups ? RowSplit.FirstBag(Groups.Starts, Count, chunk, Chunks) : RowSplit.First(Count, chunk, Chunks);

    private readonly bool IsDirect => !HasGroups && float.IsPositiveInfinity(Clip) && Scale == 1;

    /// <summary>The gradients of <paramref name="count"/> touched rows from <paramref name="first"/> on, in a block.</summary>
    private readonly void Fill(int first, int count, float* block)
    {
        int dim = Table.Dim;
        if (HasGroups)
        {
            for (int done = 0; done < count;)
            {
                int heavy = HeavyAt(first + done);
                if (heavy >= 0)
                {
                    Buffer.MemoryCopy(HeavySums + ((nint)heavy * dim), block + ((nint)done * dim), (nint)dim * sizeof(float), (nint)dim * sizeof(float));
                    done++;
                    continue;
                }

                int run = 1;
                while (done + run < count && (HeavyCount == 0 || HeavyAt(first + done + run) < 0)) run++;
                BagPlan<int> plan = Groups.Plan(first + done, run);
                plan.OutputStride = dim;
                Groups.Sum(Source, plan, block + ((nint)done * dim));
                done += run;
            }
        }
        else
        {
            for (int i = 0; i < count; i++)
            {
                nint slot = Slots == null ? first + i : (nint)Slots[first + i];
                Buffer.MemoryCopy(Values.Rows + (slot * Values.Stride), block + ((nint)i * dim), (nint)dim * sizeof(float), (nint)dim * sizeof(float));
            }
        }

        if (!float.IsPositiveInfinity(Clip)) Elementwise.Clamp(block, Clip, (nint)count * dim);
        if (Scale != 1) Elementwise.Scale(block, Scale, (nint)count * dim);
    }

    private readonly int HeavyAt(int touched)
    {
        for (int k = 0; k < HeavyCount; k++)
        {
            if (Heavy[k] == touched) return k;
        }

        return -1;
    }

    private readonly float* Block(int participant) => Blocks + ((nint)participant * RowGroups.BlockRows * Table.Dim);

    private static RowView From(in RowView rows, long first) =>
        new(rows.Rows + ((nint)first * rows.Stride), rows.Stride, rows.Count - first, rows.Dim);

    private ref struct HeavyJob : IJob
    {
        public StepWork Work;

        public readonly void Run(int chunk, int participant)
        {
            // Whole cache lines of columns, so that no two threads write to one.
            const int Line = 16;
            int heavy = chunk / Work.Degree;
            int part = chunk % Work.Degree;
            int lines = (Work.Table.Dim + Line - 1) / Line;
            int first = int.Min(lines * part / Work.Degree * Line, Work.Table.Dim);
            int end = int.Min(lines * (part + 1) / Work.Degree * Line, Work.Table.Dim);
            if (first == end) return;
            BagPlan<int> plan = Work.Groups.Plan(Work.Heavy[heavy], 1);
            plan.OutputStride = Work.Table.Dim;
            RowView columns = new(Work.Source.Rows + (first * sizeof(float)), Work.Source.Stride, Work.Source.Count, end - first);
            Work.Groups.Sum(columns, plan, Work.HeavySums + ((nint)heavy * Work.Table.Dim) + first);
        }
    }

    private ref struct NormJob : IJob
    {
        public StepWork Work;
        public float* Squares;

        public readonly void Run(int chunk, int participant)
        {
            int dim = Work.Table.Dim;
            int end = Work.FirstOf(chunk + 1);
            float* block = Work.Block(participant);
            for (int first = Work.FirstOf(chunk); first < end; first += RowGroups.BlockRows)
            {
                int count = int.Min(RowGroups.BlockRows, end - first);
                Work.Fill(first, count, block);
                for (int i = 0; i < count; i++) Squares[first + i] = LaneReduce<DotOp>.Run(block + ((nint)i * dim), block + ((nint)i * dim), dim, default);
            }
        }
    }

    private ref struct ApplyJob<TUpdate> : IJob
        where TUpdate : struct, IRowUpdate
    {
        public StepWork Work;
        public TUpdate Update;

        public readonly void Run(int chunk, int participant)
        {
            int first = Work.FirstOf(chunk);
            int end = Work.FirstOf(chunk + 1);
            if (Work.IsDirect)
            {
                RowView values = Work.Slots != null
                    ? Work.Values
                    : new RowView(Work.Values.Rows + (first * Work.Values.Stride), Work.Values.Stride, end - first, Work.Values.Dim);
                Run(first, end - first, values, Work.Slots == null ? null : Work.Slots + first, participant, 0);
                return;
            }

            float* block = Work.Block(participant);
            for (; first < end; first += RowGroups.BlockRows)
            {
                int count = int.Min(RowGroups.BlockRows, end - first);
                Work.Fill(first, count, block);
                Run(first, count, RowView.Dense(block, count, Work.Table.Dim), null, participant, end - first - count);
            }
        }

        private readonly void Run(int first, int count, in RowView gradients, long* slots, int participant, int following) =>
            Work.Step(first, Work.Rows == null ? null : Work.Rows + first, count, gradients, slots, Update, participant, following);
    }

    /// <summary>Rows that nothing touched: their gradient is zeros, one row for all of them.</summary>
    private ref struct OtherJob<TUpdate> : IJob
        where TUpdate : struct, IRowUpdate
    {
        public StepWork Work;
        public TUpdate Update;
        public int Chunks;

        public readonly void Run(int chunk, int participant)
        {
            RowView zeros = new((byte*)Work.Zeros, 0, 1, Work.Table.Dim);
            if (!Work.AllRows)
            {
                int start = RowSplit.First(Work.OtherCount, chunk, Chunks);
                int stop = RowSplit.First(Work.OtherCount, chunk + 1, Chunks);
                Work.Step(0, Work.OtherRows + start, stop - start, zeros, null, Update, participant);
                return;
            }

            long rows = Work.Table.Count;
            long first = (long)((UInt128)rows * (UInt128)chunk / (UInt128)Chunks);
            long end = (long)((UInt128)rows * (UInt128)(chunk + 1) / (UInt128)Chunks);
            int touched = SortedRows.LowerBound(Work.Rows, Work.Count, first);
            while (first < end)
            {
                long next = touched < Work.Count ? long.Min(Work.Rows[touched], end) : end;
                while (first < next)
                {
                    int count = (int)long.Min(next - first, int.MaxValue);
                    Work.Step(first, null, count, zeros, null, Update, participant);
                    first += count;
                }

                if (next < end) first++;
                touched++;
            }
        }
    }
}
