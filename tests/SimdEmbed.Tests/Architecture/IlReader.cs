using System.Reflection;
using System.Reflection.Emit;

namespace SimdEmbed.Tests.Architecture;

/// <summary>One instruction that refers to a member or type.</summary>
internal readonly record struct IlReference(OpCode OpCode, MemberInfo Target);

/// <summary>Reads the members that a method's body refers to.</summary>
internal static class IlReader
{
    private static readonly Dictionary<short, OpCode> s_opCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    public const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    public static IEnumerable<MethodBase> Methods(Type type) =>
        type.GetMethods(Everything).Cast<MethodBase>().Concat(type.GetConstructors(Everything));

    public static IEnumerable<IlReference> References(MethodBase method)
    {
        byte[]? il = method.GetMethodBody()?.GetILAsByteArray();
        for (int at = 0; il is not null && at < il.Length;)
        {
            short value = il[at++];
            if (value == 0xFE) value = (short)((0xFE << 8) | il[at++]);
            OpCode code = s_opCodes[value];
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
            {
                MemberInfo? target = method.Module.ResolveMember(
                    BitConverter.ToInt32(il, at),
                    method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null,
                    method.IsGenericMethod ? method.GetGenericArguments() : null);
                yield return new IlReference(code, target!);
            }

            at += OperandSize(code, il, at);
        }
    }

    private static int OperandSize(OpCode code, byte[] il, int at) => code.OperandType switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
        _ => 4,
    };
}
