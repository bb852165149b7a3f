using System.Runtime.InteropServices;
using System.Text;

namespace SimdEmbed.Perf;

/// <summary>What the machine allows, on the same memory as ours.</summary>
internal static unsafe class LimitCalls
{
    public const string Name = "limit";

    public static Call? Create(LimitLibrary library, WorkloadData data) => data.Workload switch
    {
        { Threads: > 1 } => null,
        { Kind: WorkloadKind.Lookup or WorkloadKind.Bag } => new Rows(library, data),
        { Kind: WorkloadKind.Backward, Sparse: false } => new Clear(library, data),
        { Kind: WorkloadKind.Load, Mapped: false } => new Load(library, CheckpointFile.Of(data, data.Workload.Format)),
        _ => null,
    };

    private abstract class LimitCall : Call
    {
        public override string Name => LimitCalls.Name;

        public override int WarmUpCalls(int managed) => 1;
    }

    /// <summary>Rows copied, or pooled: a mean and a maximum read the rows that a sum reads.</summary>
    private sealed class Rows : LimitCall
    {
        private static readonly int[] s_widths = [16, 8, 1];
        private static readonly int[] s_distances = [0, 4, 8, 16, 32, 48];
        private static readonly bool[] s_stores = [false, true];
        private const double TrialSeconds = 0.002;
        private const int Trials = 3;

        private readonly LimitLibrary _library;
        private readonly WorkloadData _data;
        private readonly GCHandle[] _pins;
        private readonly int** _batches;
        private readonly float* _output;
        private readonly float* _table;
        private readonly bool _weighted;
        private (int Vector, int Distance, bool Stream) _best;

        public Rows(LimitLibrary library, WorkloadData data)
        {
            _library = library;
            _data = data;
            _weighted = data.Workload.Weighted;
            object[] arrays = [.. data.Batches, data.Offsets, data.Weights];
            _pins = [.. arrays.Select(array => GCHandle.Alloc(array, GCHandleType.Pinned))];
            _batches = (int**)NativeMemory.Alloc(Workload.Batches, (nuint)sizeof(int*));
            for (int batch = 0; batch < Workload.Batches; batch++) _batches[batch] = (int*)_pins[batch].AddrOfPinnedObject();
            _output = (float*)NativeMemory.AlignedAlloc((nuint)data.Workload.Count * (nuint)data.Workload.Dim * sizeof(float), 64);
            _table = Address(data.Elements);
            _best = Best();
        }

        public override void Run(int calls)
        {
            Workload workload = _data.Workload;
            if (workload.Kind == WorkloadKind.Lookup)
            {
                _library.Copy(_best.Vector, _table, _batches, workload.Count, workload.Dim, _output, _best.Distance, _best.Stream ? 1 : 0, calls);
            }
            else
            {
                float* weights = _weighted ? (float*)_pins[^1].AddrOfPinnedObject() : null;
                int* offsets = (int*)_pins[^2].AddrOfPinnedObject();
                _library.Sum(_best.Vector, _table, _batches, weights, offsets, workload.Count, workload.Dim, _output, _best.Distance, calls);
            }
        }

        public override float[] First()
        {
            // A sum is no maximum.
            if (_data.Workload.Pooling == Pooling.Max) return [];
            Run(1);
            float[] output = new Span<float>(_output, _data.Workload.Count * _data.Workload.Dim).ToArray();
            if (_data.Workload.Pooling == Pooling.Mean)
            {
                for (int i = 0; i < output.Length; i++) output[i] /= _data.Workload.BagLength;
            }

            return output;
        }

        public override void Dispose()
        {
            NativeMemory.Free(_batches);
            NativeMemory.AlignedFree(_output);
            foreach (GCHandle pin in _pins) pin.Free();
            base.Dispose();
        }

        /// <summary>The vector width, prefetch distance and kind of store that are fastest here.</summary>
        private (int Vector, int Distance, bool Stream) Best()
        {
            (int, int, bool)[] candidates =
            [
                .. from vector in s_widths
                   where vector <= _library.Width && _data.Workload.Dim % vector == 0 && (vector > 1 || _library.Width == 1)
                   from distance in s_distances
                   from stream in s_stores
                   where !stream || _data.Workload.Kind == WorkloadKind.Lookup
                   select (vector, distance, stream),
            ];
            return candidates.MinBy(candidate =>
            {
                _best = candidate;
                int calls = Workload.Batches;
                while (Seconds(calls) < TrialSeconds) calls *= 2;
                return Enumerable.Range(0, Trials).Min(_ => Seconds(calls) / calls);
            });
        }
    }

    /// <summary>A dense gradient begins as zeros.</summary>
    private sealed class Clear(LimitLibrary library, WorkloadData data) : LimitCall
    {
        private readonly float[] _gradient = GC.AllocateArray<float>(data.Workload.Rows * data.Workload.Dim, pinned: true);

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) library.Clear(Address(_gradient), _gradient.Length);
        }

        // It is less than the whole task, so that it has no outcome to compare.
        public override float[] First() => [];
    }

    /// <summary>The file's bytes, copied from the system's cache to memory that is there already.</summary>
    private sealed class Load(LimitLibrary library, string path) : LimitCall
    {
        private readonly byte[] _path = Encoding.UTF8.GetBytes(path + '\0');
        private readonly byte[] _memory = GC.AllocateUninitializedArray<byte>(checked((int)new FileInfo(path).Length), pinned: true);

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++)
            {
                fixed (byte* name = _path, memory = _memory)
                {
                    if (library.Load(name, memory, _memory.Length) != 0) throw new IOException($"{path} cannot be read.");
                }
            }
        }

        public override float[] First() => [];
    }

    // Of memory that is native or pinned.
    private static float* Address(ReadOnlySpan<float> values) => (float*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(values));
}
