using Spectre.Console;

namespace SimdEmbed.Cli;

/// <summary>Shows on standard error how far a long call is: a bar on a terminal, a line for every quarter elsewhere.</summary>
internal static class ByteProgress
{
    private const int Steps = 4;

    /// <summary>Less than this is over before anybody could read how far it is.</summary>
    private const long LeastBytes = 1 << 20;

    /// <summary>Runs a call.</summary>
    /// <param name="what">What it does.</param>
    /// <param name="total">The bytes it will have done, about.</param>
    /// <param name="isShown">Whether anything is shown.</param>
    /// <param name="run">The call.</param>
    public static void Run(string what, long total, bool isShown, Action<IProgress<long>?> run)
    {
        if (!isShown || total < LeastBytes)
        {
            run(null);
            return;
        }

        what = PlainText.OneLine(what);
        if (Console.IsErrorRedirected)
        {
            run(new Lines(what, total));
            return;
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress().HideCompleted(true).Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(what), maxValue: total);
            run(new Bar(task));
        });
    }

    private sealed class Bar(ProgressTask task) : IProgress<long>
    {
        public void Report(long value) => task.Value = value;
    }

    private sealed class Lines(string what, long total) : IProgress<long>
    {
        private long _step;

        public void Report(long value)
        {
            // The file has a header, too, so that more is written than was counted.
            value = Math.Min(value, total);
            long step = value * Steps / total;
            if (step == _step) return;
            _step = step;
            Console.Error.WriteLine($"{what}: {value} of {total} bytes");
        }
    }
}
