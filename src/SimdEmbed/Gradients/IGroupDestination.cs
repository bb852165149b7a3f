using SimdEmbed.Internals;
using SimdEmbed.Kernels;

namespace SimdEmbed.Gradients;

/// <summary>Where a batch's row groups go: into a gradient, or straight into an optimizer's step.</summary>
internal interface IGroupDestination
{
    /// <summary>Makes room for a batch of <paramref name="positions"/>, so that <see cref="Write"/> cannot fail half-way.</summary>
    void Reserve(int positions);

    /// <summary>Workspace bytes that <see cref="Write"/> takes.</summary>
    nuint Bytes(int positions);

    /// <summary>Takes the segment sums of <paramref name="groups"/> over <paramref name="source"/>.</summary>
    void Write(in RowGroups groups, in RowView source, scoped ref Workspace workspace);
}

/// <summary>A gradient that is overwritten, or added to.</summary>
/// <param name="gradient">The gradient.</param>
/// <param name="accumulate">Whether the sums are added to what it holds.</param>
/// <param name="before">Positions that others may have written to it by then.</param>
internal readonly struct GradientDestination(EmbeddingGradient gradient, bool accumulate, int before = 0) : IGroupDestination
{
    public void Reserve(int positions) => gradient.Reserve(positions, accumulate);

    public nuint Bytes(int positions) => gradient.WriteBytes(positions, accumulate, before);

    public void Write(in RowGroups groups, in RowView source, scoped ref Workspace workspace)
    {
        gradient.Write(groups, source, accumulate, ref workspace);
        GC.KeepAlive(gradient);
    }
}
