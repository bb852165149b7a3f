using System.Globalization;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using SimdEmbed.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace SimdEmbed.Tests;

/// <summary>Every combination of options against the reference, bit for bit; run again at every vector width.</summary>
[Trait("Category", "Property")]
public sealed class ModelProperties(ITestOutputHelper output)
{
    private static int Cases => Environment.GetEnvironmentVariable("SIMDEMBED_CASES") is { } text ? 10 * int.Parse(text, CultureInfo.InvariantCulture) : 10_000;

    [Fact]
    public void Vectors_have_the_width_this_run_was_asked_for()
    {
        string? bits = Environment.GetEnvironmentVariable("SIMDEMBED_VECTOR_BITS");
        output.WriteLine($"Vector<float>.Count = {Vector<float>.Count}, accelerated: {Vector.IsHardwareAccelerated}");
        if (bits == "scalar") Assert.False(Vector.IsHardwareAccelerated);
        else if (bits is not null) Assert.Equal(bits, (Vector<byte>.Count * 8).ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Every_combination_of_an_embeddings_options_is_that_of_the_reference() => Run(EmbeddingModel.Classes, seed => new EmbeddingModel(seed));

    [Fact]
    public void Every_combination_of_an_embedding_bags_options_is_that_of_the_reference() => Run(BagModel.Classes, seed => new BagModel(seed));

    [Fact]
    public void Every_optimizer_sparse_dense_fused_and_on_threads_is_that_of_the_reference() => Run(OptimizerModel.Classes, seed => new OptimizerModel(seed), Cases / 2);

    [Fact]
    public void Every_combination_over_compact_rows_is_that_of_the_reference() => Run(CodecModel.Classes, seed => new CodecModel(seed), Cases / 2);

    [Fact]
    public void Losses_and_products_are_those_of_the_reference() => Run(LossModel.Classes, seed => new LossModel(seed));

    private void Run(string[] classes, Func<int, Model> create) => Run(classes, create, Cases);

    // Half as many where a case takes four times as long: the long run is a proof.
    private void Run(string[] classes, Func<int, Model> create, int cases)
    {
        Coverage coverage = new(classes);
        Config config = Config.QuickThrowOnFailure.WithMaxTest(cases).WithReplay(20261123, 2026112303);
        Check.One(config, Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed =>
        {
            Model model = create(seed);
            foreach (string name in model.ClassesMet()) coverage.Note(name);
            try
            {
                model.Check();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException(model.ToString(), e);
            }
        }));
        coverage.AssertComplete(output);
    }
}
