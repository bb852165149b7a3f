using Xunit;

namespace SimdEmbed.Tests.Support;

/// <summary>Tests that read the process's allocations or change its current folder: nothing else runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public static class AloneInTheProcess
{
    public const string Name = "alone in the process";
}
