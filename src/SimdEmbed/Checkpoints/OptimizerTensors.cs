using System.Globalization;
using SimdEmbed.Formats;
using SimdEmbed.Kernels;
using SimdEmbed.Optimizers;

namespace SimdEmbed.Checkpoints;

/// <summary>
/// What an optimizer remembers as tensors, where it lies: the same names, shapes and values as those of <see cref="OptimizerState"/>,
/// which makes copies.
/// </summary>
internal static unsafe class OptimizerTensors
{
    private const long StepUnit = 1 << 20;

    public static void AddTo(List<CheckpointTensor> tensors, string name, Optimizer optimizer)
    {
        for (int i = 0; i < optimizer.AllStates.Count; i++)
        {
            ParameterState state = optimizer.AllStates[i];
            _ = state.View;
            string prefix = string.Create(CultureInfo.InvariantCulture, $"{name}.{optimizer.GetType().Name}.{i}.");
            tensors.Add(new StepTensor(prefix + "step", state));
            if (optimizer.HasMoving(state)) tensors.Add(new MovingTensor(prefix + "moving", state));
            for (int vector = 0; vector < state.Layout.Names.Length; vector++)
            {
                tensors.Add(new VectorTensor(prefix + state.Layout.Names[vector], state, vector));
            }
        }
    }

    private static int Columns(ParameterState state) => state.Layout.PerRow ? 1 : state.Dim;

    /// <summary>The number of steps, in two floats that are exact.</summary>
    private sealed class StepTensor(string name, ParameterState state) : CheckpointTensor(name, [1, 2])
    {
        private long _steps;

        public override void Write(Stream output)
        {
            float* step = stackalloc float[] { state.Step % StepUnit, state.Step / StepUnit };
            RowTransfer.Write(RowView.Dense(step, 1, 2), output);
        }

        public override bool TryPrepare(RowSource source, ref FormatError error)
        {
            float* step = stackalloc float[2];
            if (!RowTransfer.TryRead(source, RowView.Dense(step, 1, 2), ref error)) return false;
            bool isCount = step[0] is >= 0 and < StepUnit && step[1] is >= 0 and < 1 << 24 && step[0] == (int)step[0] && step[1] == (int)step[1];
            if (!isCount) return error.Fail("checkpoint-step", -1, $"tensor {FormatError.Quote(Name)} is {step[0]}, {step[1]}, which counts no steps");
            _steps = (long)step[0] + ((long)step[1] * StepUnit);
            return true;
        }

        public override bool TryRead(RowSource source, Initializer? newRows, ref FormatError error)
        {
            state.Step = _steps;
            return true;
        }
    }

    /// <summary>One state vector of every row.</summary>
    private sealed class VectorTensor(string name, ParameterState state, int vector) : CheckpointTensor(name, [state.Rows, Columns(state)])
    {
        public override bool CanResize => state.Table != null;

        public override void Write(Stream output) => RowTransfer.Write(Rows, output);

        public override bool TryPrepare(RowSource source, ref FormatError error) => true;

        public override bool TryRead(RowSource source, Initializer? newRows, ref FormatError error)
        {
            if (!RowTransfer.TryRead(source, Rows, ref error)) return false;
            for (long row = source.Rows; row < state.Rows; row++) state.Vector(row, vector).Fill(state.Layout.Starts[vector]);
            return true;
        }

        private RowView Rows
        {
            get
            {
                RowView rows = state.View;
                return new RowView(rows.Rows + ((nint)vector * Columns(state) * sizeof(float)), rows.Stride, rows.Count, Columns(state));
            }
        }
    }

    /// <summary>1 for each row that goes on moving, 0 for the others.</summary>
    private sealed class MovingTensor(string name, ParameterState state) : CheckpointTensor(name, [state.Rows, 1])
    {
        private const int PieceRows = 1 << 14;

        public override bool CanResize => state.Table != null;

        public override void Write(Stream output)
        {
            float* piece = stackalloc float[PieceRows];
            int next = 0;
            for (long first = 0; first < state.Rows; first += PieceRows)
            {
                int count = (int)long.Min(PieceRows, state.Rows - first);
                new Span<float>(piece, count).Clear();
                for (; next < state.MovingCount && state.Moving[next] < first + count; next++) piece[state.Moving[next] - first] = 1;
                RowTransfer.Write(RowView.Dense(piece, count, 1), output);
            }
        }

        public override bool TryPrepare(RowSource source, ref FormatError error)
        {
            state.ReserveMoving(long.Min(source.Rows, state.Rows));
            return true;
        }

        public override bool TryRead(RowSource source, Initializer? newRows, ref FormatError error)
        {
            long kept = long.Min(source.Rows, state.Rows);
            state.MovingCount = 0;
            float* piece = stackalloc float[PieceRows];
            for (long first = 0; first < kept; first += PieceRows)
            {
                int count = (int)long.Min(PieceRows, kept - first);
                if (!source.TryRead(first * sizeof(float), (byte*)piece, (long)count * sizeof(float), ref error)) return false;
                for (int i = 0; i < count; i++)
                {
                    if (piece[i] != 0) state.Moving[state.MovingCount++] = first + i;
                }
            }

            return true;
        }
    }
}
