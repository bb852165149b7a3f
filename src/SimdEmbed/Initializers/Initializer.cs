using SimdEmbed.Initializers;
using SimdEmbed.Internals;

namespace SimdEmbed;

/// <summary>
/// Where the values of new rows come from. Row <c>i</c> of a seed is the same whatever the table's size, the machine, the
/// vector width or the build.
/// </summary>
/// <remarks>
/// Philox4x32-10 with the seed as key and the counter <c>(row mod 2^32, row / 2^32, column / 4, 0)</c> gives the words
/// <c>x0 x1 x2 x3</c> for columns <c>4k .. 4k + 3</c>. Box-Muller makes them normal: with
/// <c>r = sqrt(-2 ln((x0 + 0.5) / 2^32))</c> and <c>t = 2 pi x1 / 2^32</c>, <c>z0 = r cos t</c> and <c>z1 = r sin t</c>;
/// <c>z2</c> and <c>z3</c> come from <c>x2</c> and <c>x3</c> alike. The value is <c>mean + std * z</c>, computed in double and
/// rounded to float once.
/// </remarks>
public readonly record struct Initializer
{
    private const double WordScale = 1.0 / 4294967296;

    private readonly bool _random;
    private readonly ulong _seed;
    private readonly float _mean;
    private readonly float _std;

    private Initializer(ulong seed, float mean, float std)
    {
        _random = true;
        _seed = seed;
        _mean = mean;
        _std = std;
    }

    /// <summary>Zeros; also what <c>default</c> is.</summary>
    public static Initializer Zeros => default;

    /// <summary>The normal distribution N(mean, std^2); with the defaults, what PyTorch's <c>nn.Embedding</c> starts from.</summary>
    /// <param name="seed">Equal seeds give equal rows.</param>
    /// <param name="mean">The mean; finite.</param>
    /// <param name="std">The standard deviation; finite, 0 or more.</param>
    /// <returns>The initializer.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="mean"/> or <paramref name="std"/> is out of range.</exception>
    public static Initializer Normal(ulong seed, float mean = 0, float std = 1)
    {
        if (!float.IsFinite(mean)) Throw.OutOfRange(nameof(mean), mean, "finite");
        if (!float.IsFinite(std) || std < 0) Throw.OutOfRange(nameof(std), std, "finite and 0 or more");
        return new Initializer(seed, mean, std);
    }

    /// <summary>Fills <paramref name="destination"/>, all columns of row <paramref name="row"/>.</summary>
    internal void Fill(long row, Span<float> destination)
    {
        if (!_random)
        {
            destination.Clear();
            return;
        }

        Span<float> block = stackalloc float[4];
        for (int column = 0; column < destination.Length; column += 4)
        {
            (uint x0, uint x1, uint x2, uint x3) = Philox.Words(_seed, (uint)row, (uint)(row >> 32), (uint)column / 4, 0);
            (block[0], block[1]) = Pair(x0, x1);
            (block[2], block[3]) = Pair(x2, x3);
            block[..int.Min(4, destination.Length - column)].CopyTo(destination[column..]);
        }
    }

    private (float First, float Second) Pair(uint radius, uint angle)
    {
        // Half a step above zero, so that the logarithm is finite: the largest |z| is 6.7.
        double r = Math.Sqrt(-2 * FixedMath.Log((radius + 0.5) * WordScale));
        (double sin, double cos) = FixedMath.SinCosTurns(angle * WordScale);
        return ((float)(_mean + (_std * (r * cos))), (float)(_mean + (_std * (r * sin))));
    }
}
