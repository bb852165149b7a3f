namespace SimdEmbed;

/// <summary>
/// How the losses of a batch become one number: <c>reduction</c> in PyTorch. Its <c>'none'</c> is a method of its own, whose
/// name is in the plural, because it writes a span.
/// </summary>
public enum Reduction
{
    /// <summary><c>'mean'</c>.</summary>
    Mean = 0,

    /// <summary><c>'sum'</c>.</summary>
    Sum = 1,
}
