using System.Collections.Frozen;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace SimdEmbed.Proofs;

/// <summary>
/// <c>word-lookup</c>: the time of one lookup by word, as text and as UTF-8, beside a <see cref="FrozenDictionary{TKey, TValue}"/>
/// asked with spans, in turns in one run.
/// </summary>
internal static class WordLookupProof
{
    private const int Piece = 1000;
    private const double MostNanoseconds = 40;

    public static Command Create()
    {
        Option<int> words = new("--words") { DefaultValueFactory = _ => 100_000, Description = "words in the vocabulary" };
        Option<int> rounds = new("--rounds") { DefaultValueFactory = _ => 30, Description = "how often each text is read" };
        Command command = new("word-lookup", "Nanoseconds and bytes of one lookup by word, beside FrozenDictionary.") { words, rounds };
        command.SetAction(call => Run(call.GetValue(words), call.GetValue(rounds)));
        return command;
    }

    /// <summary>Words of natural lengths: 3 to 12 letters.</summary>
    public static string[] Words(int count)
    {
        Random random = new(3);
        HashSet<string> words = new(count);
        Span<char> letters = stackalloc char[12];
        while (words.Count < count)
        {
            int length = 3 + random.Next(10);
            for (int i = 0; i < length; i++) letters[i] = (char)('a' + random.Next(26));
            words.Add(letters[..length].ToString());
        }

        return [.. words];
    }

    private static int Run(int count, int rounds)
    {
        string[] words = Words(count);
        Vocabulary vocabulary = new(words);
        FrozenDictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> frozen = words
            .Select((word, index) => KeyValuePair.Create(word, index))
            .ToFrozenDictionary(StringComparer.Ordinal)
            .GetAlternateLookup<ReadOnlySpan<char>>();
        Lookup<char> asText = vocabulary.IndexOf;
        Lookup<byte> asBytes = vocabulary.IndexOf;
        Lookup<char> asFrozen = word => frozen.TryGetValue(word, out int index) ? index : Vocabulary.Unknown;
        bool isMet = true;
        double slowest = 0;
        foreach (bool isNatural in (bool[])[true, false])
        {
            int[] expected = Sequence(words.Length, isNatural);
            char[] text = string.Concat(expected.Select(i => words[i])).ToCharArray();
            int[] lengths = [.. expected.Select(i => words[i].Length)];
            Reading<char> chars = new(asText, text, lengths);
            Reading<byte> bytes = new(asBytes, Encoding.ASCII.GetBytes(text), lengths);
            Reading<char> peer = new(asFrozen, text, lengths);
            for (int round = 0; round < rounds; round++)
            {
                chars.Read();
                bytes.Read();
                peer.Read();
            }

            isMet &= chars.IsRight(expected) && bytes.IsRight(expected) && peer.IsRight(expected) && chars.Allocated + bytes.Allocated == 0;
            slowest = Math.Max(slowest, Math.Max(chars.Median, bytes.Median));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{(isNatural ? "by Zipf's law" : "all equally often"),17}: text {chars}, UTF-8 {bytes}; FrozenDictionary, text {peer}"));
        }

        isMet &= slowest < MostNanoseconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"word-lookup: {count} words, at most {slowest:F1} ns a lookup, {(isMet ? "met" : "NOT met")}"));
        return isMet ? 0 : 1;
    }

    /// <summary>The words of a text: as in language, by Zipf's law, or all equally often, so that no cache helps.</summary>
    private static int[] Sequence(int words, bool isNatural)
    {
        const int Texts = 4;
        Random random = new(7);
        int[] places = [.. Enumerable.Range(0, words)];
        random.Shuffle(places);

        // Ranks by Zipf's law with exponent 1: the logarithm of the rank is uniform.
        int length = Texts * words / Piece * Piece;
        return [.. Enumerable.Range(0, length).Select(_ => places[isNatural ? (int)Math.Pow(words, random.NextDouble()) - 1 : random.Next(words)])];
    }

    private delegate int Lookup<T>(ReadOnlySpan<T> word);

    /// <summary>A text read word by word, in pieces short enough that most are not interrupted.</summary>
    private sealed class Reading<T>(Lookup<T> lookup, T[] text, int[] lengths)
    {
        private readonly int[] _found = new int[lengths.Length];
        private readonly double[] _pieces = new double[lengths.Length / Piece];
        private readonly List<double> _rounds = [];

        public long Allocated { get; private set; }

        /// <summary>Nanoseconds of a lookup: in each round the median piece, and of the rounds the median.</summary>
        public double Median => At(0.5);

        public void Read()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            int at = 0;
            for (int piece = 0; piece < _pieces.Length; piece++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int i = piece * Piece; i < (piece + 1) * Piece; i++)
                {
                    _found[i] = lookup(text.AsSpan(at, lengths[i]));
                    at += lengths[i];
                }

                _pieces[piece] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / Piece;
            }

            Allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            Array.Sort(_pieces);
            _rounds.Add(_pieces[_pieces.Length / 2]);
        }

        public bool IsRight(int[] expected) => _found.AsSpan().SequenceEqual(expected);

        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture, $"{Median:F1} ns ({At(0.1):F1} to {At(0.9):F1}), {(double)Allocated / (_rounds.Count * (long)lengths.Length):0.###} B");

        private double At(double part)
        {
            // The first rounds ran code that was not yet compiled for good.
            double[] settled = [.. _rounds.Skip(_rounds.Count / 4).Order()];
            return settled[(int)(part * (settled.Length - 1))];
        }
    }
}
