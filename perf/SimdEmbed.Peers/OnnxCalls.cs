using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace SimdEmbed.Perf;

/// <summary>ONNX Runtime's Gather with table, indices and output bound to our memory: the fastest way it has.</summary>
internal static unsafe class OnnxCalls
{
    public const string Name = "ONNX Runtime";

    /// <summary>The call, or why there is none.</summary>
    public static Call? Create(WorkloadData data, out string reason)
    {
        reason = data.Workload.Kind == WorkloadKind.Bag ? "ONNX has no embedding bag" : "inference only";
        return data.Workload.Kind == WorkloadKind.Lookup ? new Gather(data) : null;
    }

    private sealed class Gather : Call
    {
        private readonly SessionOptions _options;
        private readonly InferenceSession _session;
        private readonly RunOptions _runOptions = new();
        private readonly OrtIoBinding[] _bindings = new OrtIoBinding[Workload.Batches];
        private readonly List<OrtValue> _values = [];
        private readonly List<GCHandle> _pins = [];
        private readonly float[] _output;

        public Gather(WorkloadData data)
        {
            Workload workload = data.Workload;
            _options = new SessionOptions { IntraOpNumThreads = workload.Threads, InterOpNumThreads = 1 };
            _session = new InferenceSession(GatherModel.Create(workload.Rows, workload.Dim, workload.Count), _options);
            _output = new float[workload.Count * workload.Dim];

            nint tableAddress = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(data.Elements));
            OrtValue table = NewValue(TensorElementType.Float, [workload.Rows, workload.Dim], tableAddress, data.Elements.Length * sizeof(float));
            OrtValue output = NewValue(TensorElementType.Float, [workload.Count, workload.Dim], Pin(_output), _output.Length * sizeof(float));
            for (int batch = 0; batch < _bindings.Length; batch++)
            {
                int[] indices = data.Batches[batch];
                _bindings[batch] = _session.CreateIoBinding();
                _bindings[batch].BindInput(GatherModel.Table, table);
                _bindings[batch].BindInput(GatherModel.Indices, NewValue(TensorElementType.Int32, [indices.Length], Pin(indices), indices.Length * sizeof(int)));
                _bindings[batch].BindOutput(GatherModel.Output, output);
            }
        }

        public override string Name => OnnxCalls.Name;

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) _session.RunWithBinding(_runOptions, _bindings[Turn()]);
        }

        public override float[] First()
        {
            _session.RunWithBinding(_runOptions, _bindings[0]);
            return _output;
        }

        public override void Dispose()
        {
            foreach (OrtIoBinding binding in _bindings) binding.Dispose();
            foreach (OrtValue value in _values) value.Dispose();
            foreach (GCHandle pin in _pins) pin.Free();
            _runOptions.Dispose();
            _session.Dispose();
            _options.Dispose();
            base.Dispose();
        }

        private nint Pin(Array array)
        {
            _pins.Add(GCHandle.Alloc(array, GCHandleType.Pinned));
            return _pins[^1].AddrOfPinnedObject();
        }

        private OrtValue NewValue(TensorElementType type, long[] shape, nint address, long bytes)
        {
            _values.Add(OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, shape, address, bytes));
            return _values[^1];
        }
    }
}
