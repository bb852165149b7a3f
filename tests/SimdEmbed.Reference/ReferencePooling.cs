namespace SimdEmbed.Reference;

/// <summary>How a bag's rows become one.</summary>
public enum ReferencePooling
{
    /// <summary>The sum, divided by the count or by the sum of the weights.</summary>
    Mean = 0,

    /// <summary>The sum.</summary>
    Sum = 1,

    /// <summary>The largest of each column; the first of equals.</summary>
    Max = 2,

    /// <summary>The sum, divided by the root of the count or of the sum of the squared weights.</summary>
    SqrtN = 3,
}
