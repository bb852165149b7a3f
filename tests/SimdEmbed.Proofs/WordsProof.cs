using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>words</c>: a generated file of words in text, read here and by gensim in one run.
/// </summary>
internal static class WordsProof
{
    public static Command Create()
    {
        Option<int> rows = new("--rows") { DefaultValueFactory = _ => 400_000, Description = "words in the file" };
        Option<int> dim = new("--dim") { DefaultValueFactory = _ => 300, Description = "numbers per word" };
        Option<string> python = new("--python") { DefaultValueFactory = _ => "/usr/bin/python3", Description = "a Python that has gensim" };
        Option<string?> load = new("--load") { Description = "only read this file, and print seconds and the peak of memory" };
        Command command = new("words", "Reading a text file of words, beside gensim.") { rows, dim, python, load };
        command.SetAction(call => call.GetValue(load) is string path
            ? Load(path)
            : Run(call.GetValue(rows), call.GetValue(dim), call.GetValue(python)!));
        return command;
    }

    private static int Run(int rows, int dim, string python)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("simdembed-words-");
        try
        {
            string path = Path.Combine(folder.FullName, "words.vec");
            Write(path, rows, dim);
            double result = rows * (double)dim * sizeof(float);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows} words x {dim}: {new FileInfo(path).Length / 1e6:F0} MB of text, {result / 1e6:F0} MB of vectors"));
            string self = Environment.ProcessPath!;
            Measurement here = Measure(self, ["words", "--load", path], result);
            Measurement there = Measure(python, ["-c", GensimProgram, path], result);
            Print("SimdEmbed", here);
            Print("gensim", there);
            bool isMet = here.Seconds * 5 <= there.Seconds && here.Memory <= 1.2;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"words: {there.Seconds / here.Seconds:F1} times gensim's speed, {here.Memory:F2} times the vectors' memory; {(isMet ? "met" : "NOT met")}"));
            return isMet ? 0 : 1;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private const string GensimProgram =
        """
        import sys, time
        from gensim.models import KeyedVectors
        def peak():
            with open("/proc/self/status") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        before = peak()
        start = time.perf_counter()
        words = KeyedVectors.load_word2vec_format(sys.argv[1], binary=False)
        seconds = time.perf_counter() - start
        print(seconds, (peak() - before) * 1024, len(words.index_to_key))
        """;

    private static void Print(string name, Measurement measured) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,10}: {measured.Seconds,7:F2} s, {measured.Memory:F2} times the vectors' memory"));

    private static int Load(string path)
    {
        // A small file first, so that what the runtime loads of itself is not counted as the vectors' cost.
        string small = path + ".small";
        File.WriteAllText(small, "1 1\na 1\n");
        WordVectors.Load(small).Dispose();
        File.Delete(small);
        long before = PeakBytes();
        Stopwatch clock = Stopwatch.StartNew();
        using WordTable words = WordVectors.Load(path);
        double seconds = clock.Elapsed.TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds} {PeakBytes() - before} {words.Vocabulary.Count}"));
        return 0;
    }

    private static long PeakBytes()
    {
        using Process self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64;
    }

    private static Measurement Measure(string program, string[] arguments, double result)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Insert(0, Path.Combine(AppContext.BaseDirectory, "SimdEmbed.Proofs.dll"));
        using Process process = Process.Start(start)!;
        string[] printed = process.StandardOutput.ReadToEnd().Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        if (process.ExitCode != 0 || printed.Length != 3) throw new InvalidOperationException($"{program} failed");
        return new Measurement(double.Parse(printed[0], CultureInfo.InvariantCulture), double.Parse(printed[1], CultureInfo.InvariantCulture) / result);
    }

    private static void Write(string path, int rows, int dim)
    {
        using EmbeddingTable table = EmbeddingTable.Create(rows, dim, Initializer.Normal(1, std: 0.3f));
        using WordTable words = new(table, new Vocabulary(WordLookupProof.Words(rows)));
        using FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
        using StreamWriter text = new(stream, new UTF8Encoding(false), 1 << 20);
        text.Write(string.Create(CultureInfo.InvariantCulture, $"{rows} {dim}\n"));

        // Four to five digits, as published files have.
        for (int row = 0; row < rows; row++)
        {
            text.Write(words.Vocabulary.GetWord(row));
            foreach (float value in table.GetRow(row))
            {
                text.Write(' ');
                text.Write(value.ToString("0.#####", CultureInfo.InvariantCulture));
            }

            text.Write('\n');
        }
    }

    private readonly record struct Measurement(double Seconds, double Memory);
}
