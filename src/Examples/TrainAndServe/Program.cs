using SimdEmbed;

// Between PyTorch and here, both ways: src/SimdEmbed/MovingFromPyTorch.md shows it with PyTorch's side.
//
//   dotnet run -c Release --project src/Examples/TrainAndServe -- FOLDER     reads FOLDER/trained.pth, writes FOLDER/trained_on.pth
Environment.CurrentDirectory = args[0];

// <example>
// Serve: PyTorch's file as it is. A state_dict has no padding_idx in it: say it again.
EmbeddingOptions options = new() { PaddingIndex = 0 };
using Embedding embedding = new(PyTorchCheckpoint.LoadTable("trained.pth", "emb.weight"), options);
long[] batch = [1, 2, 4, 5, 4, 3, 2, 0];
float[] output = new float[batch.Length * embedding.EmbeddingDim];
embedding.Forward<long>(batch, output);

// Train on: PyTorch's loop, without zero_grad
float[] target = [.. Enumerable.Repeat(1f, output.Length)], outputGradient = new float[output.Length];
using Adagrad optimizer = new(embedding.Weight, new AdagradOptions { LearningRate = 0.05f });
using EmbeddingGradient gradient = embedding.CreateGradient();
for (int step = 0; step < 10; step++)
{
    embedding.Forward<long>(batch, output);
    float loss = Loss.MeanSquaredError(output, target, outputGradient);
    embedding.Backward<long>(batch, outputGradient, gradient);
    optimizer.Step(gradient);
    Console.WriteLine($"loss {loss:F6}");
}

PyTorchCheckpoint.Save("trained_on.pth", new StateDict { ["emb.weight"] = embedding.Weight });
// </example>
