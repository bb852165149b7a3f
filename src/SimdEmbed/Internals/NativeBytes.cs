namespace SimdEmbed.Internals;

/// <summary>Counts native memory, which the garbage collector does not see: what is live, and what this thread has ever taken.</summary>
internal static class NativeBytes
{
    private static long s_live;

    [ThreadStatic]
    private static long s_takenByThread;

    public static long Live => Interlocked.Read(ref s_live);

    public static long TakenByThread => s_takenByThread;

    public static void Take(nuint bytes)
    {
        s_takenByThread += (long)bytes;
        Interlocked.Add(ref s_live, (long)bytes);
    }

    public static void Return(nuint bytes) => Interlocked.Add(ref s_live, -(long)bytes);
}
