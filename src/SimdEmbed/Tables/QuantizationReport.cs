using SimdEmbed.Internals;
using SimdEmbed.Tables;

namespace SimdEmbed;

/// <summary>What a table lost when it was converted: errors against the original, and the bytes before and after.</summary>
public sealed record QuantizationReport
{
    /// <summary>Rows compared before a thread looks whether it should stop; sums are added in the order of these blocks.</summary>
    private const int ComparedAtOnce = 4096;

    /// <summary>The codec of the converted table.</summary>
    public required RowCodec Codec { get; init; }

    /// <summary>Bytes of the original's rows.</summary>
    public required long BytesBefore { get; init; }

    /// <summary>Bytes of the converted rows, with the scale and bias beside them.</summary>
    public required long BytesAfter { get; init; }

    /// <summary>The largest difference of an element from the original.</summary>
    public required double MaxAbsoluteError { get; init; }

    /// <summary>The mean difference of the elements.</summary>
    public required double MeanAbsoluteError { get; init; }

    /// <summary>The mean over rows of the error's Euclidean norm divided by the row's; rows of zeros are left out.</summary>
    public required double MeanRelativeError { get; init; }

    /// <summary>The smallest cosine similarity of a row with its original; 1 where a row is zeros in both.</summary>
    public required double MinCosine { get; init; }

    /// <summary>The cosine similarity that 1 % of the rows are below; its distance from 1 is exact to 1 %.</summary>
    public required double FirstPercentileCosine { get; init; }

    /// <summary>The mean cosine similarity of the rows.</summary>
    public required double MeanCosine { get; init; }

    /// <summary>Compares a converted table with what it was made from, row by row.</summary>
    /// <param name="original">The table before.</param>
    /// <param name="converted">The table after; of the same shape.</param>
    /// <param name="degree">The number of threads; the report is the same for any.</param>
    /// <param name="progress">Told how many rows are done, now and then, from any of the threads.</param>
    /// <param name="cancellationToken">Stops the comparison.</param>
    /// <returns>The report; zeros and ones for a table without rows.</returns>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="degree"/> is not 1 or more.</exception>
    /// <exception cref="ObjectDisposedException">A table was disposed.</exception>
    public static QuantizationReport Compare(
        EmbeddingTable original, EmbeddingTable converted, int degree = 1, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(original);
        ArgumentNullException.ThrowIfNull(converted);
        if (degree < 1) Throw.OutOfRange(nameof(degree), degree, "1 or more");
        if (converted.RowCount != original.RowCount || converted.Dim != original.Dim)
        {
            Throw.Argument(nameof(converted), $"the table is {converted.RowCount} x {converted.Dim}; the original is {original.RowCount} x {original.Dim}.");
        }

        long rows = original.RowCount;
        Errors[] blocks = new Errors[(rows + ComparedAtOnce - 1) / ComparedAtOnce];
        long[] histogram = new long[CosineBins.Count];
        long done = 0;
        RowBlocks.Run(rows, ComparedAtOnce, degree, CompareRows, cancellationToken);

        void CompareRows(long first, long end)
        {
            blocks[first / ComparedAtOnce] = Errors.Of(original, converted, first, end, histogram);
            progress?.Report(Interlocked.Add(ref done, end - first));
        }

        Errors all = new();
        foreach (Errors block in blocks) all.Add(block);
        return new QuantizationReport
        {
            Codec = converted.Codec,
            BytesBefore = original.ByteCount,
            BytesAfter = converted.ByteCount,
            MaxAbsoluteError = all.Largest,
            MeanAbsoluteError = rows == 0 || original.Dim == 0 ? 0 : all.Absolute / rows / original.Dim,
            MeanRelativeError = all.RelativeRows == 0 ? 0 : all.Relative / all.RelativeRows,
            MinCosine = rows == 0 ? 1 : all.MinCosine,
            FirstPercentileCosine = CosineBins.Percentile(histogram, rows / 100),
            MeanCosine = rows == 0 ? 1 : all.Cosine / rows,
        };
    }

    /// <summary>Sums over some rows.</summary>
    private sealed class Errors
    {
        public double Largest;
        public double Absolute;
        public double Relative;
        public long RelativeRows;
        public double Cosine;
        public double MinCosine = double.PositiveInfinity;

        public static Errors Of(EmbeddingTable original, EmbeddingTable converted, long first, long end, long[] histogram)
        {
            Errors errors = new();
            float[] before = new float[original.Dim];
            float[] after = new float[original.Dim];
            for (long row = first; row < end; row++)
            {
                original.CopyRowTo(row, before);
                converted.CopyRowTo(row, after);
                double cosine = errors.AddRow(before, after);
                Interlocked.Increment(ref histogram[CosineBins.Of(cosine)]);
            }

            return errors;
        }

        public void Add(Errors other)
        {
            // Math.Max and Math.Min keep a NaN: a table with NaN has no error to boast of.
            Largest = Math.Max(Largest, other.Largest);
            Absolute += other.Absolute;
            Relative += other.Relative;
            RelativeRows += other.RelativeRows;
            Cosine += other.Cosine;
            MinCosine = Math.Min(MinCosine, other.MinCosine);
        }

        private double AddRow(float[] before, float[] after)
        {
            double squares = 0, others = 0, product = 0, error = 0;
            for (int i = 0; i < before.Length; i++)
            {
                double x = before[i], y = after[i], difference = Math.Abs(x - y);
                Largest = Math.Max(Largest, difference);
                Absolute += difference;
                squares += x * x;
                others += y * y;
                product += x * y;
                error += difference * difference;
            }

            if (squares > 0)
            {
                Relative += Math.Sqrt(error / squares);
                RelativeRows++;
            }

            double cosine = squares == 0 || others == 0 ? (squares == others ? 1 : 0) : product / Math.Sqrt(squares) / Math.Sqrt(others);
            cosine = Math.Min(cosine, 1);
            Cosine += cosine;
            MinCosine = Math.Min(MinCosine, cosine);
            return cosine;
        }
    }

    /// <summary>A histogram of <c>1 - cosine</c> over the upper bits of a float, so that memory does not grow with the rows.</summary>
    private static class CosineBins
    {
        private const int DroppedBits = 16;

        public const int Count = (0x7F800000 >> DroppedBits) + 1;

        public static int Of(double cosine) =>
            double.IsNaN(cosine) ? Count - 1 : (int)(BitConverter.SingleToUInt32Bits((float)(1 - cosine)) >> DroppedBits);

        /// <summary>The cosine that so many rows are below.</summary>
        public static double Percentile(long[] histogram, long below)
        {
            long seen = 0;
            for (int bin = Count - 1; bin > 0; bin--)
            {
                seen += histogram[bin];
                if (seen > below) return bin == Count - 1 ? double.NaN : 1 - (double)BitConverter.UInt32BitsToSingle((uint)bin << DroppedBits);
            }

            return 1;
        }
    }
}
