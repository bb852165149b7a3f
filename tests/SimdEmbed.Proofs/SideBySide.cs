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

    /// <summary>
    /// Calls until the compiler is done with them: it compiles what has run often enough, in the background, a tenth of a second after it has
    /// last had something else to do; and once more, when it has seen what the first version does.
    /// </summary>
    public Timed Settled()
    {
        for (int round = 0; round < 3; round++)
        {
            _ = Sample(40);
            Thread.Sleep(150);
        }

        return this;
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
    private const int Again = 2;

    /// <summary>
    /// Compares; what is above <paramref name="limit"/> is measured again, longer: other work on the machine makes two calls look different
    /// now and then, but not again and again.
    /// </summary>
    /// <param name="one">What is compared.</param>
    /// <param name="other">What it is compared with.</param>
    /// <param name="limit">The ratio that is not to be exceeded.</param>
    /// <param name="rotation">
    /// The calls that take all batches once, or 0: a sample is as many then, and as many go before it, so that each finds in the caches what
    /// it would find in a loop of its own.
    /// </param>
    public static TimeRatio Compare(Timed one, Timed other, double limit, int rotation = 0)
    {
        TimeRatio ratio = Measure(one, other, rotation, Samples);
        for (int again = 0; again < Again && ratio.Times > limit; again++) ratio = Measure(one, other, rotation, (again + 2) * Samples);
        return ratio;
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    public static double Seconds(Action call)
    {
        long start = Stopwatch.GetTimestamp();
        call();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static TimeRatio Measure(Timed one, Timed other, int rotation, int samples)
    {
        int oneCalls = rotation > 0 ? rotation : one.CallsPerSample();
        int otherCalls = rotation > 0 ? rotation : other.CallsPerSample();
        double[] ratios = new double[samples], times = new double[samples], otherTimes = new double[samples];
        for (int i = 0; i < samples; i++)
        {
            // Whoever comes second finds the other's data in the caches, so that they take turns.
            bool isOneFirst = i % 2 == 0;
            if (isOneFirst) times[i] = Sample(one, oneCalls);
            otherTimes[i] = Sample(other, otherCalls);
            if (!isOneFirst) times[i] = Sample(one, oneCalls);
            ratios[i] = times[i] / otherTimes[i];
        }

        return new TimeRatio(Median(ratios), Median(times), Median(otherTimes));

        double Sample(Timed of, int calls)
        {
            if (rotation > 0) _ = of.Sample(rotation);
            return of.Sample(calls);
        }
    }
}

/// <summary>Ratios of one kind, and the limit they all keep or not.</summary>
internal sealed class RatioList(string what, double limit)
{
    private const int Shown = 12;

    private readonly List<(string Name, TimeRatio Ratio)> _ratios = [];

    public int Count => _ratios.Count;

    public int Above => _ratios.Count(one => one.Ratio.Times > limit);

    public void Add(string name, Timed one, Timed other) => _ratios.Add((name, SideBySide.Compare(one, other, limit)));

    public void Add(string name, TimeRatio ratio) => _ratios.Add((name, ratio));

    /// <summary>A line with the worst, and one for each of those furthest above the limit; none of an empty list.</summary>
    public IEnumerable<string> Lines()
    {
        if (Count == 0) yield break;
        (string name, TimeRatio worst) = _ratios.MaxBy(one => one.Ratio.Times);
        yield return $"{what}: {Count} compared, at most {worst.Times:F2}x at {name} ({Nanoseconds(worst)}); limit {limit}x, {(Above == 0 ? "met" : $"not met by {Above}")}";
        foreach ((string above, TimeRatio ratio) in _ratios.Where(one => one.Ratio.Times > limit).OrderByDescending(one => one.Ratio.Times).Take(Shown))
        {
            yield return $"  above: {above}: {ratio.Times:F2}x ({Nanoseconds(ratio)})";
        }
    }

    private static string Nanoseconds(TimeRatio ratio) => $"{ratio.Nanoseconds:F1} and {ratio.OtherNanoseconds:F1} ns per row";
}
