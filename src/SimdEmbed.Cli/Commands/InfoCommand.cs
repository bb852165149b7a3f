using System.CommandLine;

namespace SimdEmbed.Cli;

/// <summary><c>simdembed info</c>: what this build runs on, and whether it uses the machine.</summary>
internal static class InfoCommand
{
    public static Command Create()
    {
        Option<bool> json = FileArguments.Json();
        Command command = new("info", "Show the build, the CPU and what the one uses of the other.") { json };
        command.SetAction(call => Run(call.GetValue(json)));
        return command;
    }

    private static int Run(bool json)
    {
        MachineFacts machine = MachineFacts.Read();
        if (json)
        {
            CliJson.Print(machine, CliJson.Default.MachineFacts);
            return 0;
        }

        Console.Out.Write(
            $"""
            version            {machine.Version}
            runtime            {machine.Runtime}, {machine.Build} build
            vector width       {machine.VectorWidth} floats
            instruction sets   {machine.InstructionSets}
            CPU                {machine.Cpu ?? "unknown"}, {machine.Cores} cores
            operating system   {machine.Os}, {machine.Architecture}

            """);
        if (machine.Warning != null) StandardError.WriteLine("warning", machine.Warning);
        return 0;
    }
}
