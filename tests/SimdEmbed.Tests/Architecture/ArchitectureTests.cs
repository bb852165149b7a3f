using System.Reflection;
using System.Reflection.Emit;
using SimdEmbed.Checkpoints;
using SimdEmbed.Tests.Support;
using Xunit;

namespace SimdEmbed.Tests.Architecture;

/// <summary>The shape of the library that no compiler checks: who may know whom, and what hot code may not do.</summary>
public sealed class ArchitectureTests
{
    /// <summary>What each folder may know beside itself. "" is the front door.</summary>
    private static readonly Dictionary<string, string[]> s_imports = new()
    {
        ["Kernels"] = [],
        ["Internals"] = ["Kernels"],
        ["Initializers"] = ["Kernels", "Internals"],
        ["Losses"] = ["Kernels", "Internals"],
        ["Tables"] = ["Kernels", "Internals", "Initializers"],
        ["Gradients"] = ["Kernels", "Internals", "Tables"],
        ["Words"] = ["Kernels", "Internals", "Initializers", "Tables"],
        ["Formats"] = ["Kernels", "Internals", "Tables", "Words"],
        [""] = ["Kernels", "Internals", "Initializers", "Tables", "Gradients"],

        // A fused step takes an embedding, so that optimizers stand above it; no embedding knows an optimizer.
        ["Optimizers"] = ["Kernels", "Internals", "Tables", "Gradients", ""],

        // Checkpoints are the one place that knows models, optimizers and files.
        ["Checkpoints"] = ["Kernels", "Internals", "Initializers", "Tables", "Formats", "Optimizers", ""],
    };

    /// <summary>What makes objects by its nature, between steps: adding parameters, and saving or replacing what is remembered of them.</summary>
    private static readonly string[] s_setup = ["LayoutOf", "Layout", "Add", "AddGroupOf", "AddParameter", "Replace", "For"];

    private static readonly string[] s_exactFolders = ["Kernels", "Gradients", "Optimizers", "Initializers", "Losses"];

    /// <summary>The elementwise functions of TensorPrimitives: everything else of it reduces or is transcendental.</summary>
    private static readonly string[] s_tensorPrimitives =
        ["Abs", "Add", "Subtract", "Multiply", "Divide", "Negate", "Sqrt", "Max", "Min", "ConvertToHalf", "ConvertToSingle", "ConvertTruncating"];

    private static readonly string[] s_exactMath = ["Sqrt", "Abs", "Min", "Max", "Floor", "Ceiling", "Truncate", "CopySign", "Clamp", "BigMul"];

    [Fact]
    public void Imports_go_down_only()
    {
        List<string> violations = [];
        foreach (Type type in SourceMap.Types())
        {
            string folder = SourceMap.FolderOf(type);
            foreach (Type used in TypesUsedBy(type))
            {
                string other = SourceMap.FolderOf(used);
                if (other != folder && !s_imports[folder].Contains(other)) violations.Add($"{folder}/{type.Name} uses {other}/{used.Name}");
            }
        }

        Assert.Empty(violations.Distinct());
    }

    [Fact]
    public void Exact_folders_call_nothing_whose_bits_depend_on_the_machine()
    {
        List<string> violations = [];
        foreach ((MethodBase method, IlReference reference) in ReferencesIn(s_exactFolders))
        {
            if (reference.Target is not MethodBase target || target.DeclaringType is not { } owner) continue;
            bool banned = owner.FullName switch
            {
                "System.Math" => !s_exactMath.Contains(target.Name),
                "System.MathF" => true,
                "System.Linq.Enumerable" => true,
                "System.Numerics.Tensors.TensorPrimitives" => !s_tensorPrimitives.Contains(target.Name),
                "System.Single" or "System.Double" => target.Name is "Exp" or "Log" or "Pow" or "Sin" or "Cos" or "SinCos" or "Tanh" or "MultiplyAddEstimate" or "FusedMultiplyAdd",
                _ => target.Name.EndsWith("Estimate", StringComparison.Ordinal)
                    || target.Name is "FusedMultiplyAdd" or "MultiplyAdd"
                    || (owner.FullName == "System.Numerics.Vector" && target.Name is "Sum" or "Dot" or "Exp" or "Log" or "Sin" or "Cos" or "SinCos"),
            };
            if (banned) violations.Add($"{method.DeclaringType!.Name}.{method.Name} calls {owner.FullName}.{target.Name}");
        }

        Assert.Empty(violations.Distinct());
    }

    /// <summary>Constructors make objects, and growth is no steady state; nothing else of these folders may allocate.</summary>
    [Fact]
    public void Exact_folders_do_not_allocate_per_call()
    {
        List<string> violations = [];
        foreach ((MethodBase method, IlReference reference) in ReferencesIn(s_exactFolders))
        {
            if (IsSetup(method)) continue;
            bool allocates = reference.OpCode == OpCodes.Newarr
                || (reference.OpCode == OpCodes.Box && reference.Target is Type { IsGenericParameter: false } && !OnlyThrows(method))
                || (reference.OpCode == OpCodes.Newobj && reference.Target.DeclaringType is { IsValueType: false } made && !made.IsAssignableTo(typeof(Exception)));
            if (allocates) violations.Add($"{method.DeclaringType!.Name}.{method.Name}: {reference.OpCode} {reference.Target}");
        }

        Assert.Empty(violations.Distinct());
    }

    [Fact]
    public void A_kernel_has_at_most_two_type_parameters()
    {
        foreach (Type type in SourceMap.Types().Where(type => SourceMap.FolderOf(type) == "Kernels"))
        {
            Assert.All(
                IlReader.Methods(type).OfType<MethodInfo>(),
                method => Assert.True(method.GetGenericArguments().Length + type.GetGenericArguments().Length <= 2, $"{type.Name}.{method.Name}"));
        }
    }

    /// <summary>What an optimizer needs outside its file, and no compiler asks for.</summary>
    [Fact]
    public void An_optimizer_has_a_naive_twin_and_a_place_in_checkpoints()
    {
        Type[] exported = SourceMap.Library.GetExportedTypes();
        Assert.Equal(
            exported.Where(type => type.IsSubclassOf(typeof(Optimizer))).Select(type => type.Name).Order(),
            OptimizerRule.All.Select(rule => rule.Name).Order());
        Assert.All(
            exported.Where(type => type.IsSubclassOf(typeof(OptimizerOptions))),
            type => Assert.True(CheckpointJson.Default.GetTypeInfo(type) is not null, $"{type.Name} is not in CheckpointJson"));
    }

    private static bool IsSetup(MethodBase method) =>
        method is ConstructorInfo || method.DeclaringType!.Name.StartsWith('<') || method.DeclaringType.Name == nameof(OptimizerState)
        || IsRecordMember(method) || s_setup.Contains(method.Name);

    private static bool IsRecordMember(MethodBase method) => method.Name is "ToString" or "PrintMembers" or "<Clone>$" or "Equals" or "GetHashCode";

    // A boxed value in a method that also calls Throw is the argument of a message.
    private static bool OnlyThrows(MethodBase method) => IlReader.References(method).Any(reference => reference.Target.DeclaringType?.Name == "Throw");

    private static IEnumerable<(MethodBase Method, IlReference Reference)> ReferencesIn(string[] folders) =>
        from type in SourceMap.Types()
        where folders.Contains(SourceMap.FolderOf(type))
        from method in IlReader.Methods(type)
        from reference in IlReader.References(method)
        select (method, reference);

    private static HashSet<Type> TypesUsedBy(Type type)
    {
        List<Type?> used = [type.BaseType, .. type.GetInterfaces(), .. type.GetFields(IlReader.Everything).Select(field => field.FieldType)];
        foreach (MethodBase method in IlReader.Methods(type))
        {
            used.AddRange(method.GetParameters().Select(parameter => parameter.ParameterType));
            if (method is MethodInfo info) used.Add(info.ReturnType);
            used.AddRange(method.GetMethodBody()?.LocalVariables.Select(local => local.LocalType) ?? []);
            foreach (IlReference reference in IlReader.References(method))
            {
                used.Add(reference.Target as Type ?? reference.Target.DeclaringType);
                if (reference.Target is MethodInfo { IsGenericMethod: true } generic) used.AddRange(generic.GetGenericArguments());
            }
        }

        HashSet<Type> own = [];
        foreach (Type? candidate in used) Unwrap(candidate, own);
        return own;
    }

    private static void Unwrap(Type? type, HashSet<Type> own)
    {
        if (type is null || type.IsGenericParameter) return;
        if (type.HasElementType)
        {
            Unwrap(type.GetElementType(), own);
            return;
        }

        foreach (Type argument in type.GetGenericArguments()) Unwrap(argument, own);
        if (type.Assembly == SourceMap.Library && !SourceMap.Generated(type)) own.Add(type);
    }
}
