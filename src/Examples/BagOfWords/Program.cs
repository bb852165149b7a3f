using System.Numerics.Tensors;
using SimdEmbed;

// How alike are texts? Each text is a bag of its words, pooled to one vector of length 1; a product of two is their cosine.
//
//   dotnet run -c Release --project src/Examples/BagOfWords -- glove.txt "a first text" "and another"
if (args.Length < 2)
{
    Console.Error.WriteLine("usage: BagOfWords WORDS TEXT...   WORDS: a word2vec, GloVe or fastText .vec file, gzip or not");
    return 2;
}

using WordTable words = WordVectors.Load(args[0]);
string[] texts = args[1..];

// The rule: letters, digits and marks inside words stay together, everything else parts them. A tokenizer of your own goes here.
List<int> indices = [];
int[] offsets = new int[texts.Length];
for (int i = 0; i < texts.Length; i++)
{
    offsets[i] = indices.Count;
    ReadOnlySpan<char> text = texts[i].ToLowerInvariant();
    foreach (Range word in text.SplitAny(" \t\n.,;:!?\"()"))
    {
        if (!text[word].IsEmpty) indices.Add(words.Vocabulary.IndexOf(text[word]));
    }
}

// Unknown words are dropped from their bag, and not counted in it.
EmbeddingOptions options = new() { UnknownIndices = UnknownIndexPolicy.Zeros, Frozen = true };
using EmbeddingBag bag = new(words.Table, Pooling.SqrtN, options, leaveOpen: true);
int dim = bag.EmbeddingDim;
float[] pooled = new float[texts.Length * dim];
bag.Forward(Bags<int>.FromOffsets(indices.ToArray(), offsets), pooled);

for (int i = 0; i < texts.Length; i++)
{
    Span<float> vector = pooled.AsSpan(i * dim, dim);
    float length = TensorPrimitives.Norm(vector);
    if (length > 0) TensorPrimitives.Divide(vector, length, vector);
}

for (int i = 0; i < texts.Length; i++)
{
    for (int j = 0; j <= i; j++)
    {
        Console.Write($"{TensorPrimitives.Dot<float>(pooled.AsSpan(i * dim, dim), pooled.AsSpan(j * dim, dim)),7:F3}");
    }

    Console.WriteLine($"  {texts[i]}");
}

return 0;
