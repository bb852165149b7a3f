using System.Diagnostics;

namespace SimdEmbed.Cli;

/// <summary>How long ago the program started.</summary>
internal static class StartClock
{
    private static long _main;

    public static void EnterMain() => _main = Stopwatch.GetTimestamp();

    /// <summary>
    /// Milliseconds since the process started, and since Main. The first includes the runtime's own start but comes from the
    /// system's clock ticks, so it may be 10 to 20 ms too much; the second is exact.
    /// </summary>
    public static (double Process, double Main) Read()
    {
        double main = Stopwatch.GetElapsedTime(_main).TotalMilliseconds;
        DateTime now = DateTime.UtcNow;
        using Process process = Process.GetCurrentProcess();
        return ((now - process.StartTime.ToUniversalTime()).TotalMilliseconds, main);
    }
}
