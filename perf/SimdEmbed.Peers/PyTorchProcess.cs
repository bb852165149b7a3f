using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace SimdEmbed.Perf;

/// <summary>A long-lived Python that has PyTorch: one for each number of threads, because the threads are pinned when it starts.</summary>
internal sealed class PyTorchProcess : IDisposable
{
    private static readonly string[] s_commands = ["python3", "/usr/bin/python3"];
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);
    private readonly Process _process;

    private PyTorchProcess(Process process) => _process = process;

    /// <summary>A Python that imports torch and numpy, with torch's version; or null.</summary>
    public static (string Command, string Version)? Find()
    {
        foreach (string command in s_commands)
        {
            try
            {
                ProcessStartInfo start = new(command, ["-c", "import numpy, torch; print(torch.__version__)"]) { RedirectStandardOutput = true, RedirectStandardError = true };
                using Process process = Process.Start(start)!;
                process.ErrorDataReceived += (_, _) => { };
                process.BeginErrorReadLine();
                string version = process.StandardOutput.ReadToEnd().Trim();
                if (process.WaitForExit(s_patience) && process.ExitCode == 0) return (command, version);
            }
            catch (Win32Exception)
            {
                // There is no such command.
            }
        }

        return null;
    }

    public static PyTorchProcess Start(string command, int threads)
    {
        string script = Resource.CopyTo(WorkFolder.Path, "pytorch_peer.py");
        string count = threads.ToString(CultureInfo.InvariantCulture);
        ProcessStartInfo start = new(command, [script, count]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["OMP_NUM_THREADS"] = count;
        start.Environment["OMP_PROC_BIND"] = "true";
        return new PyTorchProcess(Process.Start(start)!);
    }

    public JsonNode Ask(JsonObject request)
    {
        _process.StandardInput.WriteLine(request.ToJsonString());
        _process.StandardInput.Flush();
        string? line = _process.StandardOutput.ReadLine();
        return JsonNode.Parse(line ?? throw new InvalidOperationException("PyTorch's process has ended; standard error says why."))!;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(s_patience)) _process.Kill();
        _process.Dispose();
    }
}
