using System.Numerics;
using System.Runtime.CompilerServices;

namespace SimdEmbed.Internals;

/// <summary>
/// Kernels exist for int and long; byte and ushort indices are widened to int, uint to long, into scratch memory, before
/// anything else sees them.
/// </summary>
internal static unsafe class WideIndices
{
    /// <summary>Whether kernels take <typeparamref name="TIndex"/> as it is: a constant for each type.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsWide<TIndex>() => typeof(TIndex) == typeof(int) || typeof(TIndex) == typeof(long);

    /// <summary>Whether <typeparamref name="TIndex"/> becomes int; otherwise it is uint and becomes long.</summary>
    public static bool BecomeInt<TIndex>()
    {
        if (typeof(TIndex) == typeof(byte) || typeof(TIndex) == typeof(ushort)) return true;
        if (typeof(TIndex) != typeof(uint)) Throw.IndexType(typeof(TIndex));
        return false;
    }

    /// <summary>Scratch for <paramref name="count"/> widened indices of either type.</summary>
    public static Workspace Rent(int count) => Workspace.Rent(Workspace.SizeOf<long>(count));

    /// <summary>Workspace bytes that <see cref="Widen"/> takes: none where nothing is widened.</summary>
    public static nuint Bytes<TIndex>(int count) => IsWide<TIndex>() ? 0 : Workspace.SizeOf<long>(count);

    /// <summary>The indices as <typeparamref name="TWide"/>, with the workspace's life.</summary>
    public static ReadOnlySpan<TWide> Widen<TIndex, TWide>(ReadOnlySpan<TIndex> indices, scoped ref Workspace workspace)
        where TIndex : unmanaged, IBinaryInteger<TIndex>
        where TWide : unmanaged, IBinaryInteger<TWide>
    {
        TWide* wide = workspace.Take<TWide>(indices.Length);
        for (int i = 0; i < indices.Length; i++) wide[i] = TWide.CreateTruncating(indices[i]);
        return new ReadOnlySpan<TWide>(wide, indices.Length);
    }
}
