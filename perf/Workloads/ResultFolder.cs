using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;

namespace SimdEmbed.Perf;

/// <summary>Where committed results are, and what they are results of.</summary>
internal static partial class ResultFolder
{
    private static readonly string[] s_measured = ["src/SimdEmbed", "perf"];

    public static string Root { get; } = FindRoot();

    /// <summary>
    /// <c>perf/results/cpu</c>, with the widest instructions behind the name: rented machines of several generations call themselves the same.
    /// </summary>
    public static string Of(string cpu)
    {
        string widest = Avx512F.IsSupported ? " avx512" : Avx2.IsSupported ? " avx2" : "";
        return Directory.CreateDirectory(Path.Combine(Root, "perf", "results", NotInNames().Replace((cpu + widest).ToLowerInvariant(), "-").Trim('-'))).FullName;
    }

    public static string Today => DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    /// <summary>The commit, and whether what is measured has changed since.</summary>
    public static string Commit()
    {
        string commit = Git("rev-parse", "--short", "HEAD");
        string[] results = [":(exclude)perf/results"];
        return Git(["status", "--porcelain", "--", .. s_measured, .. results]).Length == 0 ? commit : commit + " with changes";
    }

    private static string Git(params string[] arguments)
    {
        ProcessStartInfo start = new("git", arguments) { RedirectStandardOutput = true, WorkingDirectory = Root };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : "unknown";
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "SimdEmbed.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("SimdEmbed.sln is in no folder above the program.");
    }

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotInNames();
}
