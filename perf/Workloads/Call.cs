using System.Diagnostics;

namespace SimdEmbed.Perf;

/// <summary>Something to measure. <see cref="Run"/> holds the loop, so that measuring adds nothing to a call.</summary>
internal abstract class Call : IDisposable
{
    private int _next;

    public abstract string Name { get; }

    /// <summary>Calls with the batches in turn.</summary>
    public abstract void Run(int calls);

    /// <summary>What the first call, with the first batch, comes to: an output, a gradient or the touched rows; see <see cref="Outcome"/>.</summary>
    public abstract float[] First();

    /// <summary>How many calls a warm-up has at least, given what managed code needs to be compiled for good.</summary>
    public virtual int WarmUpCalls(int managed) => managed;

    public virtual double Seconds(int calls)
    {
        long start = Stopwatch.GetTimestamp();
        Run(calls);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    public virtual void Dispose()
    {
    }

    /// <summary>The number of the batch whose turn it is.</summary>
    protected int Turn() => _next++ & (Workload.Batches - 1);
}
