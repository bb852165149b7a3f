using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace SimdEmbed.Checkpoints;

/// <summary>
/// A sum of a file's header inside the header: XxHash3 of its bytes, the length in front included, with the sum's own digits as zeros.
/// Each tensor's sum stands in the header, so that every bit of the file is under one.
/// </summary>
internal static class HeaderSeal
{
    public const string Key = TrainingState.ReservedPrefix + "header_xxh3";
    public const string Placeholder = "0000000000000000";

    // In JSON a quote inside a text is escaped: these bytes stand nowhere but at the key.
    private static readonly byte[] s_key = Encoding.ASCII.GetBytes($"\"{Key}\":\"");

    /// <summary>Puts the sum in the place of <see cref="Placeholder"/>, and returns it as text.</summary>
    public static string SealAndTell(Span<byte> header)
    {
        Seal(header);
        return Encoding.ASCII.GetString(DigitsIn(header));
    }

    private static void Seal(Span<byte> header)
    {
        Span<byte> digits = DigitsIn(header);
        digits.Fill((byte)'0');
        _ = XxHash3.HashToUInt64(header).TryFormat(digits, out _, "x16", CultureInfo.InvariantCulture);
    }

    /// <summary>Whether the header is as it was sealed; leaves the sum that it has in the digits' place.</summary>
    public static bool TryVerify(Span<byte> header)
    {
        Span<byte> digits = DigitsIn(header);
        if (digits.IsEmpty) return false;
        Span<byte> expected = stackalloc byte[Placeholder.Length];
        digits.CopyTo(expected);
        Seal(header);
        return digits.SequenceEqual(expected);
    }

    private static Span<byte> DigitsIn(Span<byte> header)
    {
        int at = header.IndexOf(s_key);
        return at < 0 || header.Length - at - s_key.Length < Placeholder.Length ? [] : header.Slice(at + s_key.Length, Placeholder.Length);
    }
}
