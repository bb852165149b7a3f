using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed;

/// <summary>
/// Where the values of new rows come from. Row <c>i</c> of a seed is the same whatever the table's size, the machine, the
/// vector width or the build.
/// </summary>
/// <remarks>
/// Philox4x32-10 with the seed as key and the counter <c>(row mod 2^32, row / 2^32, column / 4, 0)</c> gives the words
/// <c>x0 x1 x2 x3</c> for columns <c>4k .. 4k + 3</c>. Box-Muller makes them normal: with
/// <c>r = sqrt(-2 ln((x0 + 0.5) / 2^32))</c> and <c>t = 2 pi x1 / 2^32</c>, <c>z0 = r cos t</c> and <c>z1 = r sin t</c>;
/// <c>z2</c> and <c>z3</c> come from <c>x2</c> and <c>x3</c> alike. The value is <c>mean + std * z</c>; a uniform one is
/// <c>low + (high - low) * x / 2^32</c>. Both are computed in double and rounded to float once.
/// </remarks>
public readonly record struct Initializer
{
    private const double WordScale = 1.0 / 4294967296;

    private readonly Kind _kind;
    private readonly ulong _seed;

    // The mean and the standard deviation, or the lower end and the width.
    private readonly double _offset;
    private readonly double _scale;

    private Initializer(Kind kind, ulong seed, double offset, double scale)
    {
        _kind = kind;
        _seed = seed;
        _offset = offset;
        _scale = scale;
    }

    private enum Kind
    {
        Zeros = 0,
        Normal = 1,
        Uniform = 2,
    }

    /// <summary>Zeros; also what <c>default</c> is. PyTorch's <c>nn.init.zeros_</c>.</summary>
    public static Initializer Zeros => default;

    /// <summary>
    /// The normal distribution N(mean, std^2), PyTorch's <c>nn.init.normal_</c>; with the defaults, what <c>nn.Embedding</c>
    /// starts from.
    /// </summary>
    /// <param name="seed">Equal seeds give equal rows.</param>
    /// <param name="mean">The mean; finite.</param>
    /// <param name="std">The standard deviation; finite, 0 or more.</param>
    /// <returns>The initializer.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="mean"/> or <paramref name="std"/> is out of range.</exception>
    public static Initializer Normal(ulong seed, float mean = 0, float std = 1)
    {
        if (!float.IsFinite(mean)) Throw.OutOfRange(nameof(mean), mean, "finite");
        if (!float.IsFinite(std) || std < 0) Throw.OutOfRange(nameof(std), std, "finite and 0 or more");
        return new Initializer(Kind.Normal, seed, mean, std);
    }

    /// <summary>The uniform distribution from low to high, PyTorch's <c>nn.init.uniform_</c>.</summary>
    /// <param name="seed">Equal seeds give equal rows.</param>
    /// <param name="low">The lower end, which occurs; finite.</param>
    /// <param name="high">The upper end, which rounding may reach; finite, <paramref name="low"/> or more.</param>
    /// <returns>The initializer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An end is out of range.</exception>
    public static Initializer Uniform(ulong seed, float low = 0, float high = 1)
    {
        if (!float.IsFinite(low)) Throw.OutOfRange(nameof(low), low, "finite");
        if (!float.IsFinite(high) || high < low) Throw.OutOfRange(nameof(high), high, "finite and not below low");
        return new Initializer(Kind.Uniform, seed, low, (double)high - low);
    }

    /// <summary>
    /// Uniform on <c>gain * sqrt(6 / (fanIn + fanOut))</c> around 0, PyTorch's <c>nn.init.xavier_uniform_</c>. The fans are
    /// given, not taken from a table, so that rows added to a table come from the distribution it began with.
    /// </summary>
    /// <param name="seed">Equal seeds give equal rows.</param>
    /// <param name="fanIn">For a table, PyTorch takes <c>embeddingDim</c>: 0 or more.</param>
    /// <param name="fanOut">For a table, PyTorch takes <c>numEmbeddings</c>: 0 or more, and not both 0.</param>
    /// <param name="gain"><c>gain</c>; finite, 0 or more.</param>
    /// <returns>The initializer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static Initializer XavierUniform(ulong seed, long fanIn, long fanOut, float gain = 1) =>
        UniformAround(seed, Math.Sqrt(3) * XavierStd(fanIn, fanOut, gain));

    /// <summary>N(0, std^2) with <c>std = gain * sqrt(2 / (fanIn + fanOut))</c>, PyTorch's <c>nn.init.xavier_normal_</c>.</summary>
    /// <param name="seed">Equal seeds give equal rows.</param>
    /// <param name="fanIn">As in <see cref="XavierUniform"/>.</param>
    /// <param name="fanOut">As in <see cref="XavierUniform"/>.</param>
    /// <param name="gain"><c>gain</c>; finite, 0 or more.</param>
    /// <returns>The initializer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static Initializer XavierNormal(ulong seed, long fanIn, long fanOut, float gain = 1) =>
        new(Kind.Normal, seed, 0, XavierStd(fanIn, fanOut, gain));

    /// <summary>
    /// Uniform on <c>sqrt(6 / ((1 + negativeSlope^2) * fan))</c> around 0, PyTorch's <c>nn.init.kaiming_uniform_</c> for leaky
    /// ReLU.
    /// </summary>
    /// <param name="seed">Equal seeds give equal rows.</param>
    /// <param name="fan"><c>mode='fan_in'</c> is a table's <c>embeddingDim</c>, <c>'fan_out'</c> its <c>numEmbeddings</c>: 1 or more.</param>
    /// <param name="negativeSlope"><c>a</c>; finite. 0 is plain ReLU.</param>
    /// <returns>The initializer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static Initializer KaimingUniform(ulong seed, long fan, float negativeSlope = 0) =>
        UniformAround(seed, Math.Sqrt(3) * KaimingStd(fan, negativeSlope));

    /// <summary>
    /// N(0, std^2) with <c>std = sqrt(2 / ((1 + negativeSlope^2) * fan))</c>, PyTorch's <c>nn.init.kaiming_normal_</c> for leaky
    /// ReLU.
    /// </summary>
    /// <param name="seed">Equal seeds give equal rows.</param>
    /// <param name="fan">As in <see cref="KaimingUniform"/>.</param>
    /// <param name="negativeSlope"><c>a</c>; finite. 0 is plain ReLU.</param>
    /// <returns>The initializer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of range.</exception>
    public static Initializer KaimingNormal(ulong seed, long fan, float negativeSlope = 0) =>
        new(Kind.Normal, seed, 0, KaimingStd(fan, negativeSlope));

    /// <summary>Fills <paramref name="destination"/>, all columns of row <paramref name="row"/>.</summary>
    internal void Fill(long row, Span<float> destination)
    {
        if (_kind == Kind.Zeros)
        {
            destination.Clear();
            return;
        }

        Span<float> block = stackalloc float[4];
        for (int column = 0; column < destination.Length; column += 4)
        {
            (uint x0, uint x1, uint x2, uint x3) = Philox.Words(_seed, (uint)row, (uint)(row >> 32), (uint)column / 4, 0);
            if (_kind == Kind.Normal)
            {
                (block[0], block[1]) = NormalPair(x0, x1);
                (block[2], block[3]) = NormalPair(x2, x3);
            }
            else
            {
                (block[0], block[1], block[2], block[3]) = (UniformValue(x0), UniformValue(x1), UniformValue(x2), UniformValue(x3));
            }

            block[..int.Min(4, destination.Length - column)].CopyTo(destination[column..]);
        }
    }

    private (float First, float Second) NormalPair(uint radius, uint angle)
    {
        // Half a step above zero, so that the logarithm is finite: the largest |z| is 6.7.
        double r = Math.Sqrt(-2 * FixedMath.Log((radius + 0.5) * WordScale));
        (double sin, double cos) = FixedMath.SinCosTurns(angle * WordScale);
        return ((float)(_offset + (_scale * (r * cos))), (float)(_offset + (_scale * (r * sin))));
    }

    private float UniformValue(uint word) => (float)(_offset + (_scale * (word * WordScale)));

    private static Initializer UniformAround(ulong seed, double bound) => new(Kind.Uniform, seed, -bound, 2 * bound);

    private static double XavierStd(long fanIn, long fanOut, float gain)
    {
        if (fanIn < 0) Throw.OutOfRange(nameof(fanIn), fanIn, "0 or more");
        if (fanOut < 0 || fanIn + (double)fanOut == 0) Throw.OutOfRange(nameof(fanOut), fanOut, "0 or more, and not 0 when fanIn is");
        if (!float.IsFinite(gain) || gain < 0) Throw.OutOfRange(nameof(gain), gain, "finite and 0 or more");
        return gain * Math.Sqrt(2 / (fanIn + (double)fanOut));
    }

    private static double KaimingStd(long fan, float negativeSlope)
    {
        if (fan < 1) Throw.OutOfRange(nameof(fan), fan, "1 or more");
        if (!float.IsFinite(negativeSlope)) Throw.OutOfRange(nameof(negativeSlope), negativeSlope, "finite");
        return Math.Sqrt(2 / ((1 + ((double)negativeSlope * negativeSlope)) * fan));
    }
}
