using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SimdEmbed.Checkpoints;

/// <summary>A parameter of an optimizer: its group, and the tensor it trains where that is in the checkpoint too.</summary>
internal sealed record ParameterDescription(int Group, string? Tensor);

/// <summary>What a checkpoint says of an optimizer: its kind, each group's hyperparameters by name, and what it trains.</summary>
internal sealed record OptimizerDescription(string Kind, JsonElement[] Groups, ParameterDescription[] Parameters)
{
    /// <summary>What makes no difference to the results.</summary>
    private static readonly string[] s_free = [nameof(OptimizerOptions.LearningRate), nameof(OptimizerOptions.Degree), nameof(OptimizerOptions.NonFinite)];

    public static OptimizerDescription Of(Optimizer optimizer, TrainingState state)
    {
        JsonElement[] groups = new JsonElement[optimizer.Groups.Count];
        for (int i = 0; i < groups.Length; i++)
        {
            ParameterGroup group = optimizer.Groups[i];
            OptimizerOptions options = group.Options with { LearningRate = group.LearningRate };
            groups[i] = JsonSerializer.SerializeToElement(options, options.GetType(), CheckpointJson.Default);
        }

        ParameterDescription[] parameters = new ParameterDescription[optimizer.AllStates.Count];
        for (int i = 0; i < parameters.Length; i++)
        {
            ParameterGroup group = optimizer.AllStates[i].Group;
            int number = 0;
            while (optimizer.Groups[number] != group) number++;
            parameters[i] = new ParameterDescription(number, state.NameOf(optimizer.AllStates[i].Table));
        }

        return new OptimizerDescription(optimizer.GetType().Name, groups, parameters);
    }

    public static bool TryParse(string text, [NotNullWhen(true)] out OptimizerDescription? description)
    {
        description = null;
        try
        {
            OptimizerDescription? parsed = JsonSerializer.Deserialize(text, CheckpointJson.Default.OptimizerDescription);
            bool isWhole = parsed is { Kind: not null, Groups: not null, Parameters: not null }
                && Array.TrueForAll(parsed.Groups, static group => group.ValueKind == JsonValueKind.Object && TryGetRate(group, out _))
                && Array.TrueForAll(parsed.Parameters, static parameter => parameter != null);
            if (isWhole) description = parsed;
        }
        catch (JsonException)
        {
            // Null says all there is to say.
        }

        return description != null;
    }

    public string ToJson() => JsonSerializer.Serialize(this, CheckpointJson.Default.OptimizerDescription);

    public float LearningRateOf(int group)
    {
        _ = TryGetRate(Groups[group], out float rate);
        return rate;
    }

    /// <summary>What keeps the state of <paramref name="saved"/> from being this optimizer's, or null.</summary>
    public string? MismatchWith(OptimizerDescription saved, string name, bool keepOptions)
    {
        if (saved.Kind != Kind) return $"optimizer '{name}' is {saved.Kind} in the checkpoint and {Kind} in the program";
        if (saved.Parameters.Length != Parameters.Length)
        {
            return $"optimizer '{name}' has {saved.Parameters.Length} parameters in the checkpoint and {Parameters.Length} in the program";
        }

        for (int i = 0; i < Parameters.Length; i++)
        {
            if (saved.Parameters[i].Tensor == Parameters[i].Tensor) continue;
            return $"parameter {i} of optimizer '{name}' is {Text(saved.Parameters[i].Tensor)} in the checkpoint and {Text(Parameters[i].Tensor)} in the program";
        }

        if (keepOptions) return null;
        if (saved.Groups.Length != Groups.Length) return $"optimizer '{name}' has {saved.Groups.Length} groups in the checkpoint and {Groups.Length} in the program";
        for (int i = 0; i < Parameters.Length; i++)
        {
            if (saved.Parameters[i].Group == Parameters[i].Group) continue;
            return $"parameter {i} of optimizer '{name}' is in group {saved.Parameters[i].Group} in the checkpoint and in group {Parameters[i].Group} in the program";
        }

        for (int i = 0; i < Groups.Length; i++)
        {
            foreach (JsonProperty option in Groups[i].EnumerateObject())
            {
                // An option that is younger than the checkpoint has no other side to compare.
                if (Array.IndexOf(s_free, option.Name) >= 0 || !saved.Groups[i].TryGetProperty(option.Name, out JsonElement value)) continue;
                if (value.GetRawText() == option.Value.GetRawText()) continue;
                return $"group {i} of optimizer '{name}' has {option.Name} = {value.GetRawText()} in the checkpoint and {option.Value.GetRawText()} in the program";
            }
        }

        return null;
    }

    private static string Text(string? tensor) => tensor == null ? "an array" : $"'{tensor}'";

    private static bool TryGetRate(JsonElement group, out float rate)
    {
        rate = 0;
        return group.TryGetProperty(nameof(OptimizerOptions.LearningRate), out JsonElement value)
            && value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out rate) && float.IsFinite(rate) && rate >= 0;
    }
}

/// <summary>Text that is the same in every culture and reads back to the same numbers, without reflection. An option may be infinite.</summary>
[JsonSourceGenerationOptions(NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(OptimizerDescription))]
[JsonSerializable(typeof(AdagradOptions))]
[JsonSerializable(typeof(AdamOptions))]
[JsonSerializable(typeof(AdamWOptions))]
[JsonSerializable(typeof(FtrlOptions))]
[JsonSerializable(typeof(RmsPropOptions))]
[JsonSerializable(typeof(RowWiseAdagradOptions))]
[JsonSerializable(typeof(SgdOptions))]
[JsonSerializable(typeof(SparseAdamOptions))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
