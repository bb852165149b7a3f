using System.Diagnostics;

namespace SimdEmbed.Cli;

/// <summary>How long ago the program started.</summary>
internal static class StartClock
{
    private static long s_main;

    public static void EnterMain() => s_main = Stopwatch.GetTimestamp();

    /// <summary>
    /// Milliseconds since the process started, and since Main. The first includes the runtime's own start but comes from the
    /// system's clock ticks, so it may be 10 to 20 ms too much; the second is exact.
    /// </summary>
    public static (double Process, double Main) Read()
    {
        double main = Stopwatch.GetElapsedTime(s_main).TotalMilliseconds;
        DateTime now = DateTime.UtcNow;
        using Process process = Process.GetCurrentProcess();
        return ((now - process.StartTime.ToUniversalTime()).TotalMilliseconds, main);
    }
}
