using SimdEmbed.Internals;
using Xunit;

namespace SimdEmbed.Tests.Internals;

public sealed unsafe class WorkspaceTests
{
    [Fact]
    public void Takes_are_aligned_and_do_not_overlap()
    {
        using Workspace workspace = Workspace.Rent(Workspace.SizeOf<int>(5) + Workspace.SizeOf<long>(3));
        int* first = workspace.Take<int>(5);
        long* second = workspace.Take<long>(3);
        Assert.Equal(0, (nint)first % 64);
        Assert.Equal(64, (byte*)second - (byte*)first);
    }

    [Fact]
    public void Taking_more_than_was_rented_is_refused()
    {
        Assert.Throws<InvalidOperationException>(() =>
        {
            using Workspace workspace = Workspace.Rent(64);
            workspace.Take<byte>(65);
        });
    }

    [Fact]
    public void A_nested_rent_gets_memory_of_its_own_and_the_next_one_fits() => RunOnNewArena(NestedRents);

    [Fact]
    public void A_nested_rent_that_fails_leaves_the_next_calls_as_they_were() => RunOnNewArena(FailingRent);

    // A thread of its own, so that the arena is new.
    private static void RunOnNewArena(Action test)
    {
        Exception? failure = null;
        Thread thread = new(() => failure = Record.Exception(test));
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }

    private static void FailingRent()
    {
        using (Workspace.Rent(1024)) Assert.Throws<InsufficientMemoryException>(() => Workspace.Rent((nuint)1 << 60).Dispose());
        long live = NativeBytes.TakenByThread;
        using Workspace next = Workspace.Rent(2048);
        Assert.InRange(NativeBytes.TakenByThread - live, 2048, 4096);
    }

    private static void NestedRents()
    {
        for (int round = 0; round < 2; round++)
        {
            using Workspace outer = Workspace.Rent(1024);
            byte* a = outer.Take<byte>(1024);
            new Span<byte>(a, 1024).Fill(1);
            using (Workspace inner = Workspace.Rent(4096))
            {
                new Span<byte>(inner.Take<byte>(4096), 4096).Fill(2);
            }

            Assert.Equal(-1, new Span<byte>(a, 1024).IndexOfAnyExcept((byte)1));
        }
    }
}
