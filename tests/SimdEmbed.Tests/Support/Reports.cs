namespace SimdEmbed.Tests.Support;

/// <summary>Progress that is told on the thread that reports, unlike <see cref="Progress{T}"/>.</summary>
internal sealed class Reports<T>(Action<T>? report = null) : IProgress<T>
{
    public int Count { get; private set; }

    public T? Last { get; private set; }

    public void Report(T value)
    {
        report?.Invoke(value);
        Count++;
        Last = value;
    }
}
