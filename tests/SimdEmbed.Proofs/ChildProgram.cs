using System.Diagnostics;
using SimdEmbed.Perf;

namespace SimdEmbed.Proofs;

/// <summary>Another program, run to its end: a test program under other settings of the runtime, or a publish.</summary>
internal static class ChildProgram
{
    public static string DotNet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    /// <returns>What it said on both streams, and its exit code.</returns>
    public static (int ExitCode, string Text) Run(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = ResultFolder.Root };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string text = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return (child.ExitCode, text + errors.Result);
    }

    /// <summary>The native program of a test project for an instruction set; <paramref name="publish"/> makes it, in a folder of its own, so that builds for others are not mixed in.</summary>
    public static string Native(string project, string cpu, bool publish)
    {
        string folder = Path.Combine(ResultFolder.Root, "artifacts", "native", cpu);
        string program = Path.Combine(folder, project, project);
        if (publish)
        {
            Console.WriteLine($"publishing {project} for {cpu}");
            (int exitCode, string text) = Run(DotNet,
            [
                "publish", Path.Combine("tests", project), "-c", "Release", "-o", Path.Combine(folder, project), $"-p:ArtifactsPath={Path.Combine(folder, "artifacts")}",
                $"-p:SimdEmbedCpu={cpu}", "-p:NativeProofs=true", "-nodeReuse:false",
            ]);
            if (exitCode != 0) throw new InvalidOperationException($"{project} cannot be published for {cpu}:\n{text}");
        }

        return File.Exists(program) ? program : throw new FileNotFoundException($"{program} has not been published.");
    }

    /// <summary>A program or library that the build made.</summary>
    public static string Built(string project) => Path.Combine(ResultFolder.Root, "artifacts", "bin", project, "release", project + ".dll");
}
