using System.Globalization;
using SimdEmbed.Formats;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;
using SimdEmbed.Tables;

namespace SimdEmbed.Checkpoints;

/// <summary>
/// What an optimizer remembers as tensors, where it lies: the same names, shapes and values as those of <see cref="OptimizerState"/>,
/// which makes copies.
/// </summary>
internal static unsafe class OptimizerTensors
{
    private const long StepUnit = 1 << 20;

    public static void AddTo(List<CheckpointTensor> tensors, string name, Optimizer optimizer, TrainingState training)
    {
        for (int i = 0; i < optimizer.AllStates.Count; i++)
        {
            ParameterState state = optimizer.AllStates[i];

            // A disposed optimizer is refused before there is a file.
            _ = state.View;
            NamedTable? table = state.Table is { } trained && training.NameOf(trained) is { } known ? new NamedTable(known, trained) : null;
            string prefix = string.Create(CultureInfo.InvariantCulture, $"{name}.{optimizer.GetType().Name}.{i}.");
            tensors.Add(new StepTensor(prefix + "step", state));
            if (optimizer.HasMoving(state)) tensors.Add(new MovingTensor(prefix, state, table));
            for (int vector = 0; vector < state.Layout.Names.Length; vector++)
            {
                tensors.Add(new VectorTensor(prefix, state, vector, table));
            }
        }
    }

    private static int Columns(ParameterState state) => state.Layout.PerRow ? 1 : state.Dim;

    /// <summary>The number of steps, in two floats that are exact.</summary>
    private sealed class StepTensor(string name, ParameterState state) : CheckpointTensor(name, [1, 2])
    {
        private long _steps;

        public override void Write(Stream output, WrittenRows? marked)
        {
            float* step = stackalloc float[] { state.Step % StepUnit, state.Step / StepUnit };
            RowTransfer.Write(RowView.Dense(step, 1, 2), null, output);
        }

        public override bool TryPrepare(RowSource source, ref FormatError error)
        {
            float* step = stackalloc float[2];
            if (!RowTransfer.TryRead(source, RowView.Dense(step, 1, 2), 0, 1, ref error)) return false;
            bool isCount = step[0] is >= 0 and < StepUnit && step[1] is >= 0 and < 1 << 24 && step[0] == (int)step[0] && step[1] == (int)step[1];
            if (!isCount) return error.Fail("checkpoint-step", -1, $"tensor {FormatError.Quote(Name)} is {step[0]}, {step[1]}, which counts no steps");
            _steps = (long)step[0] + ((long)step[1] * StepUnit);
            return true;
        }

        public override bool TryRead(RowSource source, int part, int parts, Initializer? newRows, ref FormatError error)
        {
            state.Step = _steps;
            return true;
        }
    }

    /// <summary>What is remembered of every row; all of a parameter's tensors are saved together.</summary>
    private abstract class StateTensor(string prefix, string name, ParameterState state, int columns, NamedTable? table)
        : CheckpointTensor(prefix + name, [state.Rows, columns], table)
    {
        protected ParameterState State => state;

        public override bool CanResize => state.Table != null;

        protected override string Owner => prefix;

        protected override string? Saved
        {
            get => state.SavedAs;
            set => state.SavedAs = value;
        }
    }

    /// <summary>One state vector of every row.</summary>
    private sealed class VectorTensor(string prefix, ParameterState state, int vector, NamedTable? table)
        : StateTensor(prefix, state.Layout.Names[vector], state, Columns(state), table)
    {
        public override bool CanSplit => true;

        public override void Write(Stream output, WrittenRows? marked) => RowTransfer.Write(Rows, marked, output);

        public override bool TryPrepare(RowSource source, ref FormatError error) => true;

        public override bool TryRead(RowSource source, int part, int parts, Initializer? newRows, ref FormatError error)
        {
            State.SavedAs = null;
            if (!RowTransfer.TryRead(source, Rows, part, parts, ref error)) return false;
            for (long row = source.Rows; part == 0 && row < State.Rows; row++) State.Vector(row, vector).Fill(State.Layout.Starts[vector]);
            return true;
        }

        private RowView Rows
        {
            get
            {
                RowView rows = State.View;
                return new RowView(rows.Rows + ((nint)vector * Columns(State) * sizeof(float)), rows.Stride, rows.Count, Columns(State));
            }
        }
    }

    /// <summary>1 for each row that goes on moving, 0 for the others.</summary>
    private sealed class MovingTensor(string prefix, ParameterState state, NamedTable? table) : StateTensor(prefix, "moving", state, 1, table)
    {
        private const int PieceRows = 1 << 14;

        private int _reserved;

        public override void Write(Stream output, WrittenRows? marked)
        {
            float* piece = stackalloc float[PieceRows];
            int next = 0;
            int count = 0;
            for (long row = RowTransfer.First(marked); row < State.Rows; row = RowTransfer.Following(marked, row))
            {
                while (next < State.MovingCount && State.Moving[next] < row) next++;
                piece[count++] = next < State.MovingCount && State.Moving[next] == row ? 1 : 0;
                if (count < PieceRows) continue;
                RowTransfer.Write(RowView.Dense(piece, count, 1), null, output);
                count = 0;
            }

            RowTransfer.Write(RowView.Dense(piece, count, 1), null, output);
        }

        public override bool TryPrepare(RowSource source, ref FormatError error)
        {
            // Counted first: a list with room for every row of a large table would be the largest thing there is.
            if (!TryFind(source, null, out int count, ref error)) return false;
            State.ReserveMoving(count);
            return true;
        }

        public override bool TryRead(RowSource source, int part, int parts, Initializer? newRows, ref FormatError error)
        {
            State.SavedAs = null;
            State.MovingCount = 0;
            bool isRead = TryFind(source, State, out int count, ref error);
            State.MovingCount = count;
            return isRead;
        }

        /// <summary>Goes through the rows that both sides have and move, and lists as many as there is room for.</summary>
        private bool TryFind(RowSource source, ParameterState? listed, out int count, ref FormatError error)
        {
            long kept = long.Min(source.Rows, State.Rows);
            count = 0;
            float* piece = stackalloc float[PieceRows];
            for (long first = 0; first < kept; first += PieceRows)
            {
                int rows = (int)long.Min(PieceRows, kept - first);
                if (!source.TryRead(first * sizeof(float), (byte*)piece, (long)rows * sizeof(float), ref error)) return false;
                for (int i = 0; i < rows; i++)
                {
                    if (piece[i] == 0) continue;
                    if (count == int.MaxValue || (listed != null && count == _reserved)) return error.Fail("checkpoint-moving", -1, $"tensor {FormatError.Quote(Name)} has changed while it was read");
                    if (listed != null) listed.Moving[count] = first + i;
                    count++;
                }
            }

            if (listed == null) _reserved = count;
            return true;
        }
    }
}
