using SimdEmbed;

// DETR's learned queries in small: an embedding whose rows are not looked up by an index from outside, but are all of them the input.
// A scene is a set of tokens; each object of it is one token, at a place of its own. Query k learns to attend to the object of kind k.
//
//   dotnet run -c Release --project src/Examples/LearnedQueries
const int Kinds = 6, Tokens = 16, Dim = 32, Steps = 400;
Random random = new(1);
using EmbeddingTable appearance = EmbeddingTable.Create(Kinds, Dim, Initializer.Normal(seed: 2));

using Embedding queries = new(Kinds, Dim, seed: 3);
using EmbeddingGradient gradient = queries.CreateGradient();
using AdamW optimizer = new(queries.Weight, new AdamWOptions { LearningRate = 0.01f });

int[] all = [.. Enumerable.Range(0, Kinds)];
float[] query = new float[Kinds * Dim], queryGradient = new float[Kinds * Dim];
float[] scene = new float[Dim * Tokens];
float[] attention = new float[Kinds * Tokens], attentionGradient = new float[Kinds * Tokens];
long[] places = new long[Kinds];

Console.WriteLine($"untrained: {Found(),4:P0} of the objects found");
for (int step = 0; step < Steps; step++)
{
    NextScene();
    queries.Forward<int>(all, query);
    MatrixMultiplication.Forward(query, scene, Dim, attention);
    Loss.CrossEntropy<long>(attention, Tokens, places, attentionGradient);
    MatrixMultiplication.Backward(query, scene, Dim, attentionGradient, queryGradient);
    queries.Backward<int>(all, queryGradient, gradient);
    optimizer.Step(gradient);
}

double found = Found();
Console.WriteLine($"trained:   {found,4:P0} of the objects found");
return found > 0.95 ? 0 : 1;

// How often, over scenes of its own, the token that a query attends to most is its object.
double Found()
{
    const int Scenes = 200;
    int hits = 0;
    for (int i = 0; i < Scenes; i++)
    {
        NextScene();
        queries.Forward<int>(all, query);
        MatrixMultiplication.Forward(query, scene, Dim, attention);
        for (int kind = 0; kind < Kinds; kind++)
        {
            ReadOnlySpan<float> scores = attention.AsSpan(kind * Tokens, Tokens);
            if (scores[(int)places[kind]] == System.Numerics.Tensors.TensorPrimitives.Max(scores)) hits++;
        }
    }

    return (double)hits / (Scenes * Kinds);
}

// [Dim, Tokens]: noise, and each kind's appearance added to the token at its place.
void NextScene()
{
    int[] order = [.. Enumerable.Range(0, Tokens)];
    random.Shuffle(order);
    for (int i = 0; i < scene.Length; i++) scene[i] = random.NextSingle() - 0.5f;
    for (int kind = 0; kind < Kinds; kind++)
    {
        places[kind] = order[kind];
        ReadOnlySpan<float> row = appearance.GetRow(kind);
        for (int j = 0; j < Dim; j++) scene[(j * Tokens) + order[kind]] += row[j];
    }
}
