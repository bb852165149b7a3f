using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace SimdEmbed.Cli;

/// <summary>What <c>--json</c> prints: one document, one line. Weights may be NaN or infinite, which JSON has as strings only.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(DemoReport))]
[JsonSerializable(typeof(MachineFacts))]
[JsonSerializable(typeof(FileReport))]
[JsonSerializable(typeof(LookupReport))]
[JsonSerializable(typeof(ConvertReport))]
[JsonSerializable(typeof(QuantizeReport))]
[JsonSerializable(typeof(VerifyReport))]
[JsonSerializable(typeof(CheckpointsReport))]
[JsonSerializable(typeof(DirectoryReport))]
internal sealed partial class CliJson : JsonSerializerContext
{
    public static void Print<T>(T document, JsonTypeInfo<T> type)
    {
        using Stream output = Console.OpenStandardOutput();
        JsonSerializer.Serialize(output, document, type);
        output.Write("\n"u8);
    }
}
