using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace SimdEmbed.Cli;

/// <summary>The command table, and the one place that turns what went wrong into a line and an exit code.</summary>
internal static class Program
{
    private const int BadInput = 1;
    private const int WrongCall = 2;
    private const int Interrupted = 130;

    private static int Main(string[] arguments)
    {
        StartClock.EnterMain();
        try
        {
            // No RootCommand: it calls itself what the running file is called, which under `dotnet run` is not the command's name.
            Command commands = new("simdembed", "An embedding engine for .NET: PyTorch's nn.Embedding, in the process.")
            {
                DemoCommand.Create(),
                InfoCommand.Create(),
                InspectCommand.Create(),
                LookupCommand.Create(),
                ConvertCommand.Create(),
                QuantizeCommand.Create(),
                VerifyCommand.Create(),
                CompactCommand.Create(),
                new HelpOption(),
                new VersionOption(),
            };

            // A file name may start with '@': it is no response file.
            ParseResult call = commands.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (call.Action is ParseErrorAction) return Fail(WrongCall, CallError(call));
            return call.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (OperationCanceledException)
        {
            return Fail(Interrupted, "interrupted; nothing was written.");
        }
        catch (Exception e) when (IsBadInput(e))
        {
            return Fail(BadInput, e.Message);
        }
        catch (Exception e)
        {
            return Fail(BadInput, $"unexpected {e.GetType().Name}: {e.Message}");
        }
    }

    private static bool IsBadInput(Exception e) =>
        e is TableFormatException or InvalidDataException or IOException or UnauthorizedAccessException or OutOfMemoryException;

    private static string CallError(ParseResult call)
    {
        // An unknown word also leaves the command missing: the word is what the user has to change.
        string error = call.UnmatchedTokens.Count == 0
            ? call.Errors[0].Message
            : $"'{call.UnmatchedTokens[0]}' is not a command or option of {call.CommandResult.Command.Name}.";
        return $"{error} See simdembed --help.";
    }

    private static int Fail(int exitCode, string message)
    {
        StandardError.WriteLine("error", message);
        return exitCode;
    }
}
