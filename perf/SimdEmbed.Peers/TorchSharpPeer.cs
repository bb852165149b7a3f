using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace SimdEmbed.Perf;

/// <summary>TorchSharp, where its native library loads.</summary>
internal sealed class TorchSharpPeer
{
    public const string Name = "TorchSharp";

    private readonly string? _reason = Probe();

    /// <summary>The call, or why there is none.</summary>
    public Call? Create(WorkloadData data, out string reason)
    {
        reason = _reason ?? "no kernel of its own: libtorch does what PyTorch does";
        if (_reason is not null) return null;
        set_num_threads(data.Workload.Threads);
        return data.Workload switch
        {
            { Kind: WorkloadKind.Lookup } => new Lookup(data),
            { Kind: WorkloadKind.Bag } => new Bag(data),
            { Kind: WorkloadKind.Step, Rule: StepRule.Sgd } => new Step(data),
            { Kind: WorkloadKind.Seed } => new Seed(data),
            _ => null,
        };
    }

    /// <summary>Null when the native library loads, or what the loader says. TorchSharp itself would say that a package is missing.</summary>
    private static string? Probe()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        string file = Path.Combine(folder, OperatingSystem.IsWindows() ? "LibTorchSharp.dll" : OperatingSystem.IsMacOS() ? "libLibTorchSharp.dylib" : "libLibTorchSharp.so");
        try
        {
            NativeLibrary.Load(file);
            return null;
        }
        catch (DllNotFoundException e)
        {
            string? line = e.Message.Split('\n').FirstOrDefault(line => line.Contains("not found", StringComparison.Ordinal));
            return "its native library does not load: " + (line ?? e.Message.Split('\n')[0]).Replace(folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal);
        }
    }

    private abstract class TorchSharpCall(WorkloadData data) : Call
    {
        public override string Name => TorchSharpPeer.Name;

        protected WorkloadData Data { get; } = data;

        protected Tensor[] Batches { get; } =
            [.. data.Batches.Select(batch => tensor(Array.ConvertAll(batch, index => (long)index)))];

        public override void Run(int calls)
        {
            for (int call = 0; call < calls; call++) Iterate(Batches[Turn()]);
        }

        public override void Dispose()
        {
            foreach (Tensor batch in Batches) batch.Dispose();
            base.Dispose();
        }

        protected abstract void Iterate(Tensor indices);

        protected static Tensor Table(WorkloadData data)
        {
            Tensor table = empty(data.Workload.Rows, data.Workload.Dim);
            MemoryMarshal.AsBytes(data.Elements).CopyTo(table.bytes);
            return table;
        }

        // From_pretrained gives its optimizer another tensor than the one that learns.
        protected static TorchSharp.Modules.Embedding NewEmbedding(WorkloadData data)
        {
            TorchSharp.Modules.Embedding embedding = nn.Embedding(data.Workload.Rows, data.Workload.Dim, sparse: data.Workload.Sparse);
            MemoryMarshal.AsBytes(data.Elements).CopyTo(embedding.weight!.bytes);
            return embedding;
        }

        protected static float[] Values(Tensor result) => result.detach().contiguous().data<float>().ToArray();
    }

    private sealed class Lookup(WorkloadData data) : TorchSharpCall(data)
    {
        private readonly Tensor _table = Table(data);

        protected override void Iterate(Tensor indices)
        {
            using Tensor output = _table.index_select(0, indices);
        }

        public override float[] First()
        {
            using Tensor output = _table.index_select(0, Batches[0]);
            return Values(output);
        }

        public override void Dispose()
        {
            _table.Dispose();
            base.Dispose();
        }
    }

    private sealed class Bag(WorkloadData data) : TorchSharpCall(data)
    {
        private readonly TorchSharp.Modules.EmbeddingBag _bag =
            nn.EmbeddingBag_from_pretrained(Table(data), mode: Enum.Parse<EmbeddingBagMode>(data.Workload.Pooling.ToString()));

        private readonly Tensor _offsets = arange(0, data.Workload.Positions, data.Workload.BagLength, dtype: ScalarType.Int64);
        private readonly Tensor? _weights = data.Workload.Weighted ? tensor(data.Weights) : null;

        protected override void Iterate(Tensor indices)
        {
            using Tensor output = Pool(indices);
        }

        public override float[] First()
        {
            using Tensor output = Pool(Batches[0]);
            return Values(output);
        }

        public override void Dispose()
        {
            _bag.Dispose();
            _offsets.Dispose();
            _weights?.Dispose();
            base.Dispose();
        }

        private Tensor Pool(Tensor indices) => _weights is null ? _bag.call(indices, _offsets) : _bag.call(indices, _offsets, _weights);
    }

    private sealed class Step : TorchSharpCall
    {
        private readonly TorchSharp.Modules.Embedding _embedding;
        private readonly optim.Optimizer _optimizer;
        private readonly Tensor _gradient;

        public Step(WorkloadData data)
            : base(data)
        {
            _embedding = NewEmbedding(data);
            _optimizer = optim.SGD(_embedding.parameters(), OurCalls.LearningRate);
            _gradient = tensor(data.OutputGradient).reshape(data.Workload.Count, data.Workload.Dim);
        }

        protected override void Iterate(Tensor indices)
        {
            using DisposeScope scope = NewDisposeScope();
            _optimizer.zero_grad();
            _embedding.call(indices).backward([_gradient]);
            _optimizer.step();
        }

        public override float[] First()
        {
            Iterate(Batches[0]);
            return Outcome.TouchedRows(_embedding.weight!.data<float>().ToArray(), Data);
        }

        public override void Dispose()
        {
            _optimizer.Dispose();
            _embedding.Dispose();
            _gradient.Dispose();
            base.Dispose();
        }
    }

    private sealed class Seed : TorchSharpCall
    {
        private readonly TorchSharp.Modules.Embedding _embedding;
        private readonly optim.Optimizer _optimizer;
        private readonly Tensor _vector = tensor(OurCalls.SeedVector).reshape(-1, 1);
        private readonly Tensor _target;

        public Seed(WorkloadData data)
            : base(data)
        {
            _embedding = NewEmbedding(data);
            _optimizer = optim.SGD(_embedding.parameters(), OurCalls.LearningRate);
            _target = full(data.Workload.Count, 1, OurCalls.Target);
        }

        protected override void Iterate(Tensor indices)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor loss = nn.functional.mse_loss(_embedding.call(indices).matmul(_vector), _target);
            _optimizer.zero_grad();
            loss.backward();
            _optimizer.step();
        }

        public override float[] First()
        {
            Iterate(Batches[0]);
            return Values(_embedding.weight!);
        }

        public override void Dispose()
        {
            _optimizer.Dispose();
            _embedding.Dispose();
            _vector.Dispose();
            _target.Dispose();
            base.Dispose();
        }
    }
}
