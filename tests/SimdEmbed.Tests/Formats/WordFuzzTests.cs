using Xunit;

namespace SimdEmbed.Tests.Formats;

/// <summary>A short run of the fuzzer whose long form is a proof.</summary>
public sealed class WordFuzzTests
{
    private const int Cases = 20_000;

    [Fact]
    public void Damaged_files_are_refused_in_one_sentence_or_read_as_the_naive_reader_reads_them()
    {
        HashSet<string> met = [];
        for (int seed = 1; seed <= Cases; seed++)
        {
            try
            {
                met.Add(new WordFuzz(seed).Run());
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e.GetType().Name}: {e.Message}");
            }
        }

        Assert.Empty(WordFuzz.Outcomes.Except(met));
    }
}
