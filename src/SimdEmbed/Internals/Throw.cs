using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace SimdEmbed.Internals;

/// <summary>The one place that throws: callers stay small enough to inline, and each message is written once.</summary>
/// <remarks>
/// Messages with more than two holes are made in methods of their own: of a longer method a native build does not see that it never
/// returns, and keeps its callers' variables on the stack for the code behind it (one row looked up took 25 ns instead of 15).
/// </remarks>
[StackTraceHidden]
internal static class Throw
{
    [DoesNotReturn]
    public static void IndexOutOfRange(string argument, int position, long value, long rows) =>
        throw new ArgumentOutOfRangeException(argument, IndexText(argument, position, value, rows));

    [DoesNotReturn]
    public static void RowOutOfRange(string argument, long row, long rows) =>
        throw new ArgumentOutOfRangeException(argument, $"{argument} = {row}; {ValidRows(rows)}.");

    [DoesNotReturn]
    public static void OutOfRange(string argument, object value, string rule) =>
        throw new ArgumentOutOfRangeException(argument, $"{argument} = {value}; it must be {rule}.");

    [DoesNotReturn]
    public static void Length(string argument, long given, long expected, string formula) =>
        throw new ArgumentException(LengthText(argument, given, expected, formula), argument);

    [DoesNotReturn]
    public static void Overlap(string argument, string other) =>
        throw new ArgumentException($"{argument} overlaps {other}; give it memory of its own.", argument);

    [DoesNotReturn]
    public static void Shape(string argument, string given, string expected) =>
        throw new ArgumentException($"{argument} has shape {given}; expected {expected}.", argument);

    [DoesNotReturn]
    public static void NotDense(string argument) =>
        throw new ArgumentException($"{argument} is a strided view; only dense, row-major tensors are taken. Copy it first.", argument);

    [DoesNotReturn]
    public static void IndexType(Type type) =>
        throw new ArgumentException($"indices of type {type.Name} are not supported; use int, long, byte, ushort or uint.");

    [DoesNotReturn]
    public static void Argument(string argument, string message) => throw new ArgumentException(message, argument);

    [DoesNotReturn]
    public static void InvalidOperation(string message) => throw new InvalidOperationException(message);

    [DoesNotReturn]
    public static void WorkspaceTooSmall(nuint left, nuint bytes) =>
        throw new InvalidOperationException($"the workspace has {left} bytes left; {bytes} were asked for.");

    [DoesNotReturn]
    public static void Disposed(string typeName) => throw new ObjectDisposedException(typeName);

    [DoesNotReturn]
    public static void OutOfMemory(string what, UInt128 bytes, Exception? inner = null) =>
        throw new InsufficientMemoryException($"{what} needs {bytes} bytes, which cannot be allocated.", inner);

    private static string IndexText(string argument, int position, long value, long rows) => $"{argument}[{position}] = {value}; {ValidRows(rows)}.";

    private static string LengthText(string argument, long given, long expected, string formula) =>
        $"{argument} has {given} elements; expected {expected} ({formula}).";

    private static string ValidRows(long rows) =>
        rows == 0 ? "the table has no rows" : $"the table has rows 0 to {rows - 1}";
}
