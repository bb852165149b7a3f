using System.Globalization;
using SimdEmbed;

// Segment Anything's prompts: a point or a corner of a box becomes a token, which is where it is (random Fourier features) plus what it is
// (a learned row). The rows are five embeddings of one row each in its checkpoint; here they are one table, looked up by label + 1.
//
//   dotnet run -c Release --project src/Examples/PromptEmbeddings -- [sam_vit_b.pth]
const int NotAPoint = -1, Background = 0, Foreground = 1, TopLeft = 2, BottomRight = 3;
const float ImageSize = 1024;
const string Encoder = "prompt_encoder.";
string[] names = ["not_a_point_embed", "point_embeddings.0", "point_embeddings.1", "point_embeddings.2", "point_embeddings.3"];

(float X, float Y, int Label)[] prompts =
[
    (500, 375, Foreground), (1000.5f, 20, Background), (0, 0, NotAPoint),
    (425, 600, TopLeft), (700, 875, BottomRight),
];

using EmbeddingTable rows = Rows(args, out EmbeddingTable frequencies);
using (frequencies)
{
    using Embedding labels = Embedding.FromPretrained(rows, leaveOpen: true);
    int dim = labels.EmbeddingDim;
    float[] tokens = new float[prompts.Length * dim];
    labels.Forward<int>([.. prompts.Select(prompt => prompt.Label + 1)], tokens);

    // From the pixel's middle to [-1, 1], then one angle per frequency: [prompts, 2] x [2, dim / 2].
    float[] places = [.. prompts.SelectMany(prompt => new[] { Normalised(prompt.X), Normalised(prompt.Y) })];
    float[] angles = new float[prompts.Length * dim / 2];
    MatrixMultiplication.Forward(places, [.. frequencies.GetRow(0), .. frequencies.GetRow(1)], inner: 2, angles);
    for (int i = 0; i < prompts.Length; i++)
    {
        Span<float> token = tokens.AsSpan(i * dim, dim);
        for (int j = 0; j < dim / 2 && prompts[i].Label != NotAPoint; j++)
        {
            (float sin, float cos) = MathF.SinCos(2 * MathF.PI * angles[(i * dim / 2) + j]);
            token[j] += sin;
            token[j + (dim / 2)] += cos;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{prompts[i].Label,2}: {token[0]:F5} {token[1]:F5} {token[dim / 2]:F5} {token[^1]:F5}"));
    }
}

static float Normalised(float pixel) => (2 * (pixel + 0.5f) / ImageSize) - 1;

// A checkpoint's rows and frequencies, or drawn ones of Segment Anything's sizes.
EmbeddingTable Rows(string[] args, out EmbeddingTable frequencies)
{
    if (args.Length == 0)
    {
        frequencies = EmbeddingTable.Create(2, 128, Initializer.Normal(seed: 1));
        return EmbeddingTable.Create(names.Length, 256, Initializer.Normal(seed: 2));
    }

    using TableFile file = TableFile.Open(args[0]);
    frequencies = file.LoadTable(Encoder + "pe_layer.positional_encoding_gaussian_matrix");
    EmbeddingTable rows = new(names.Length, 2 * frequencies.Dim);
    for (int i = 0; i < names.Length; i++)
    {
        using EmbeddingTable row = file.LoadTable($"{Encoder}{names[i]}.weight");
        rows.SetRow(i, row.GetRow(0));
    }

    return rows;
}
