using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace SimdEmbed.Perf;

/// <summary>limit.c, compiled with the system's <c>cc</c> into the work folder.</summary>
internal sealed unsafe class LimitLibrary
{
    private LimitLibrary(nint library, string compiler)
    {
        Compiler = compiler;
        Copy = (delegate* unmanaged<int, float*, int**, nint, nint, float*, nint, int, nint, void>)NativeLibrary.GetExport(library, "limit_copy");
        Sum = (delegate* unmanaged<int, float*, int**, float*, int*, nint, nint, float*, nint, nint, void>)NativeLibrary.GetExport(library, "limit_sum");
        Read = (delegate* unmanaged<int, float*, nint, float>)NativeLibrary.GetExport(library, "limit_read");
        Clear = (delegate* unmanaged<float*, nint, void>)NativeLibrary.GetExport(library, "limit_clear");
        Load = (delegate* unmanaged<byte*, byte*, nint, int>)NativeLibrary.GetExport(library, "limit_load");
        Width = ((delegate* unmanaged<int>)NativeLibrary.GetExport(library, "limit_width"))();
    }

    /// <summary>The first line that the compiler says about itself.</summary>
    public string Compiler { get; }

    /// <summary>Floats of the widest vector, or 1.</summary>
    public int Width { get; }

    public delegate* unmanaged<int, float*, int**, nint, nint, float*, nint, int, nint, void> Copy { get; }

    public delegate* unmanaged<int, float*, int**, float*, int*, nint, nint, float*, nint, nint, void> Sum { get; }

    public delegate* unmanaged<int, float*, nint, float> Read { get; }

    public delegate* unmanaged<float*, nint, void> Clear { get; }

    public delegate* unmanaged<byte*, byte*, nint, int> Load { get; }

    /// <summary>Gigabytes per second that one core reads in order, far beyond the caches: the best of a few tries.</summary>
    public double SequentialRead()
    {
        const int Floats = 1 << 26;
        const int Tries = 5;
        float* memory = (float*)NativeMemory.Alloc(Floats, sizeof(float));

        // Written once, because untouched pages are all the same one.
        new Span<float>(memory, Floats).Fill(1);
        double best = double.PositiveInfinity;
        for (int i = 0; i < Tries; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Read(Width, memory, Floats);
            best = double.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds);
        }

        NativeMemory.Free(memory);
        return (double)Floats * sizeof(float) / best;
    }

    /// <summary>The library, or why there is none.</summary>
    public static LimitLibrary? TryBuild(out string reason)
    {
        reason = "no C compiler called cc";
        string source = Resource.CopyTo(WorkFolder.Path, "limit.c");
        string target = Path.Combine(WorkFolder.Path, "limit.so");
        try
        {
            using Process compile = Process.Start("cc", ["-O3", "-shared", "-fPIC", "-o", target, source]);
            compile.WaitForExit();
            if (compile.ExitCode != 0)
            {
                reason = $"cc ended with {compile.ExitCode}";
                return null;
            }

            using Process version = Process.Start(new ProcessStartInfo("cc", "--version") { RedirectStandardOutput = true })!;
            string[] lines = version.StandardOutput.ReadToEnd().Split('\n');
            return new LimitLibrary(NativeLibrary.Load(target), lines[0]);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
