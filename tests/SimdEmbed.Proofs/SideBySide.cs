using System.Diagnostics;

namespace SimdEmbed.Proofs;

/// <summary>A call that is timed: <c>run(n)</c> makes it n times, and each goes over so many rows.</summary>
internal sealed class Timed(Action<int> run, int rows)
{
    /// <summary>Shorter samples have more of the clock in them, longer ones more of the machine's other work.</summary>
    private const double SampleMicroseconds = 100;

    /// <summary>How many calls make a sample; finding out makes some calls, so that the memory they use has been seen.</summary>
    public int CallsPerSample()
    {
        int calls = 1;
        while (Sample(calls) * calls * rows < 1000 * SampleMicroseconds) calls *= 2;
        return calls;
    }

    /// <summary>Nanoseconds per row.</summary>
    public double Sample(int calls)
    {
        long start = Stopwatch.GetTimestamp();
        run(calls);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls / rows;
    }
}

/// <summary>How many times the time per row of another call one takes, and both in nanoseconds.</summary>
internal readonly record struct TimeRatio(double Times, double Nanoseconds, double OtherNanoseconds);

/// <summary>Two calls in turn, because the machine itself is now faster and now slower: the median of the ratios of neighbouring samples.</summary>
internal static class SideBySide
{
    private const int Samples = 15;
    private const int Again = 3;

    /// <summary>
    /// Compares; what is above <paramref name="limit"/> is measured again, longer: other work on the machine makes two calls look different
    /// now and then, but not again and again.
    /// </summary>
    public static TimeRatio Compare(Timed one, Timed other, double limit, int samples = Samples)
    {
        TimeRatio ratio = Compare(one, other, samples);
        for (int again = 0; again < Again && ratio.Times > limit; again++) ratio = Compare(one, other, 4 * samples);
        return ratio;
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static TimeRatio Compare(Timed one, Timed other, int samples)
    {
        int oneCalls = one.CallsPerSample();
        int otherCalls = other.CallsPerSample();
        double[] ratios = new double[samples], times = new double[samples], otherTimes = new double[samples];
        for (int i = 0; i < samples; i++)
        {
            // Whoever comes second finds the other's data in the caches, so that they take turns.
            bool isOneFirst = i % 2 == 0;
            if (isOneFirst) times[i] = one.Sample(oneCalls);
            otherTimes[i] = other.Sample(otherCalls);
            if (!isOneFirst) times[i] = one.Sample(oneCalls);
            ratios[i] = times[i] / otherTimes[i];
        }

        return new TimeRatio(Median(ratios), Median(times), Median(otherTimes));
    }
}

/// <summary>Ratios of one kind, and the limit they all keep or not.</summary>
internal sealed class RatioList(string what, double limit)
{
    private const int Shown = 12;

    private readonly List<(string Name, TimeRatio Ratio)> _ratios = [];

    public double Limit => limit;

    public int Count => _ratios.Count;

    public int Above => _ratios.Count(one => one.Ratio.Times > limit);

    public void Add(string name, Timed one, Timed other) => _ratios.Add((name, SideBySide.Compare(one, other, limit)));

    public void Add(string name, TimeRatio ratio) => _ratios.Add((name, ratio));

    /// <summary>A line with the worst, and one for each that is above the limit.</summary>
    public IEnumerable<string> Lines()
    {
        (string name, TimeRatio worst) = _ratios.MaxBy(one => one.Ratio.Times);
        yield return $"{what}: {Count} compared, at most {worst.Times:F2}x at {name} ({Nanoseconds(worst)}); limit {limit}x, {(Above == 0 ? "met" : $"not met by {Above}")}";
        foreach ((string above, TimeRatio ratio) in _ratios.Where(one => one.Ratio.Times > limit).OrderByDescending(one => one.Ratio.Times).Take(Shown))
        {
            yield return $"  above: {above}: {ratio.Times:F2}x ({Nanoseconds(ratio)})";
        }
    }

    private static string Nanoseconds(TimeRatio ratio) => $"{ratio.Nanoseconds:F1} and {ratio.OtherNanoseconds:F1} ns per row";
}
