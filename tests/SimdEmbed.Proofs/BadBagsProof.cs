using System.CommandLine;
using System.Diagnostics;
using SimdEmbed.Tests.Support;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>bad-bags --cases N</c>: offsets and lengths that break one of the rules, in every form; each is refused by name, and nothing
/// may change. A naive judge of its own decides what is bad.
/// </summary>
internal static class BadBagsProof
{
    private const int Rows = 50;
    private const int Dim = 5;

    public static Command Create()
    {
        Option<int> cases = new("--cases") { DefaultValueFactory = _ => 100_000, Description = "how many invalid arrays" };
        Command command = new("bad-bags", "Invalid offsets and lengths in every form, with canaries around every buffer.") { cases };
        command.SetAction(call => Run(call.GetValue(cases)));
        return command;
    }

    private static int Run(int cases)
    {
        Random random = new(1);
        using EmbeddingBag bag = new(Rows, Dim, seed: 1, Pooling.Sum, new EmbeddingOptions { MaxNorm = 0.5f });
        using SparseGradient gradient = new(bag.Weight);
        bag.Backward(Bags<int>.FixedLength([1, 7], 1), new float[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, gradient);
        float[] weight = TestTable.Values(bag.Weight);
        float[] values = gradient.Values.ToArray();
        int bad = 0, good = 0, failed = 0;
        Stopwatch clock = Stopwatch.StartNew();
        while (bad < cases)
        {
            Form form = (Form)random.Next(3);
            int[] indices = new int[random.Next(40)];
            for (int i = 0; i < indices.Length; i++) indices[i] = random.Next(Rows);
            long[] given = Damaged(random, form, indices.Length);
            bool wide = random.Next(2) == 0 && form != Form.Lengths;
            if (!wide) given = Array.ConvertAll(given, value => (long)int.CreateSaturating(value));
            int count = form == Form.StartsAndEnd ? int.Max(0, given.Length - 1) : given.Length;
            Canary output = new(count * Dim);
            Canary weightsGradient = new(indices.Length);
            float[] outputGradient = new float[count * Dim];
            float[] weights = new float[indices.Length];
            if (IsRight(form, given, indices.Length))
            {
                // Right by chance: then it has to be taken. Backward alone is asked: Forward would change the rows, which have a limit.
                good++;
                if (!Takes(() => bag.Backward(NewBags(form, indices, given, wide), outputGradient, gradient))) failed++;
                bag.Backward(Bags<int>.FixedLength([1, 7], 1), new float[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, gradient);
                continue;
            }

            bad++;
            bool refused = Refuses(() => bag.Forward(NewBags(form, indices, given, wide), output.Span), form)
                && Refuses(() => bag.Backward(NewBags(form, indices, given, wide).WithWeights(weights), outputGradient, gradient, weightsGradient: weightsGradient.Span), form);
            if (!refused)
            {
                failed++;
                Console.Error.WriteLine($"{form}, {indices.Length} indices: {string.Join(", ", given)}");
            }

            output.AssertUntouched();
            weightsGradient.AssertUntouched();
            if (bad % 1000 != 0 && bad != cases) continue;
            BitEqual.AssertSameBits(weight, TestTable.Values(bag.Weight), "weight");
            BitEqual.AssertSameBits(values, gradient.Values, "gradient");
        }

        Console.WriteLine($"bad-bags: {bad} invalid and {good} valid arrays, {failed} misjudged, 0 writes, {clock.Elapsed.TotalSeconds:F0} s");
        return failed == 0 && bad > 0 ? 0 : 1;
    }

    /// <summary>A right array of a form with some of its numbers changed.</summary>
    private static long[] Damaged(Random random, Form form, int n)
    {
        int count = random.Next(form == Form.StartsAndEnd ? 0 : 1, 9);
        long[] starts = new long[count + 1];
        for (int bag = 1; bag < count; bag++) starts[bag] = random.Next(n + 1);
        starts[count] = n;
        Array.Sort(starts);
        starts[0] = 0;
        long[] given = form switch
        {
            Form.Starts => starts[..^1],
            Form.StartsAndEnd => starts,
            _ => [.. starts.Zip(starts.Skip(1), (start, end) => end - start)],
        };
        if (form == Form.StartsAndEnd && random.Next(20) == 0) return [];
        for (int change = random.Next(1, 3); change > 0; change--)
        {
            int at = random.Next(given.Length);
            given[at] = random.Next(7) switch
            {
                0 => -1,
                1 => n + 1,
                2 => given[at] + 1,
                3 => given[at] - 1,
                4 => random.NextInt64(),
                5 => -random.NextInt64(),
                _ => random.Next(-3, n + 4),
            };
        }

        return given;
    }

    private static bool IsRight(Form form, long[] given, int n)
    {
        if (form == Form.Lengths) return Array.TrueForAll(given, length => length >= 0 && length <= n) && given.Sum() == n;
        if (given.Length == 0) return form == Form.Starts && n == 0;
        bool ordered = given.Zip(given.Skip(1)).All(pair => pair.First <= pair.Second);
        return given[0] == 0 && ordered && given[^1] <= n && (form == Form.Starts || given[^1] == n) && (given.Length > 1 || form == Form.Starts || n == 0);
    }

    private static Bags<int> NewBags(Form form, int[] indices, long[] given, bool wide)
    {
        if (wide) return Bags<int>.FromOffsets(indices, given, form == Form.StartsAndEnd);
        int[] narrow = Array.ConvertAll(given, value => (int)value);
        return form == Form.Lengths ? Bags<int>.FromLengths(indices, narrow) : Bags<int>.FromOffsets(indices, narrow, form == Form.StartsAndEnd);
    }

    private static bool Takes(Action call)
    {
        try
        {
            call();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>The message has to name the array and, unless the array as a whole is wrong, the place in it.</summary>
    private static bool Refuses(Action call, Form form)
    {
        try
        {
            call();
            return false;
        }
        catch (ArgumentException e)
        {
            string name = form == Form.Lengths ? "lengths" : "offsets";
            return e.ParamName == name && (e.Message.Contains($"{name}[", StringComparison.Ordinal)
                || e.Message.Contains("lengths sum up to", StringComparison.Ordinal)
                || e.Message.Contains("offsets is empty", StringComparison.Ordinal)
                || e.Message.Contains("and no bag", StringComparison.Ordinal));
        }
    }

    private enum Form
    {
        Starts = 0,
        StartsAndEnd = 1,
        Lengths = 2,
    }
}
