namespace SimdEmbed.Cli;

/// <summary>The demo for people: each step is printed when it is done.</summary>
internal sealed class DemoText(TextWriter output)
{
    private int _sections;

    public void Title(string title)
    {
        output.WriteLine(title);
        output.Flush();
    }

    public void Print(LookupResult lookup)
    {
        Heading("Look up");
        Line($"{lookup.Embedding}, indices [{string.Join(", ", lookup.Indices.Select(List))}]");
        Line($"output shape {List(lookup.Shape)}:");
        string[] values = MatrixText.Lines([.. lookup.Output.SelectMany(rows => rows)]);
        int length = lookup.Indices[0].Length;
        for (int i = 0; i < values.Length; i++)
        {
            (int batch, int position) = (i / length, i % length);
            Line($"  output[{batch}, {position}] = row {lookup.Indices[batch][position]}  {values[i]}");
        }

        Line("the table's first rows:");
        Rows(lookup.TableRows);
        output.Flush();
    }

    public void Print(TrainingResult training)
    {
        Heading("Train");
        Line($"{training.Embedding}: all rows x a random vector [{training.Vector.Length}, 1] shall be {training.Target}");
        Line($"mean squared error, SGD with learning rate {training.LearningRate}");
        Line($"vector: {MatrixText.Lines([training.Vector])[0]}");
        Line("table before, and row x vector:");
        Rows(training.TableBefore, training.PredictionsBefore);
        Line("loss:");
        foreach (LossPoint point in training.Losses) Line($"  iteration {point.Iteration,3}  {point.Loss,10:F6}");
        Line("table after, and row x vector:");
        Rows(training.TableAfter, training.PredictionsAfter);
        output.Flush();
    }

    public void Print(ServingResult serving)
    {
        Heading(serving.SavedTo == null ? "Reload and predict" : "Save, reload and predict");
        if (serving.SavedTo != null) Line($"saved     {serving.SavedTo} (PyTorch state_dict, key {serving.Key})");
        Line($"reloaded  {serving.LoadedFrom}: table [{serving.Rows}, {serving.Dim}]");
        float[] p = serving.Predictions;
        string[] range = MatrixText.Lines([[p.Min()], [p.Max()], [p.Average()]]);
        Line($"{p.Length} predictions (row x vector): smallest {range[0].Trim()}, largest {range[1].Trim()}, mean {range[2].Trim()}");
        Line($"weights' hash  {serving.HashBefore}  {(serving.SavedTo == null ? "loaded" : "before saving")}");
        Line($"               {serving.HashReloaded}  reloaded");
        Line($"               {serving.HashAfter}  after the predictions: {(serving.WeightsUnchanged ? "unchanged" : "CHANGED")}");
        output.Flush();
    }

    public void Print(MachineFacts machine, IReadOnlyList<Timing> timings, (double Process, double Main) firstLookup)
    {
        Heading("Speed");
        Line($"{machine}");
        Line($"first lookup {firstLookup.Main:F1} ms after Main, {firstLookup.Process:F0} ms after process start (a clock of 10 ms steps)");
        Line($"{"one call",-34}{"median ns",12}{"best ns",12}{"bytes allocated",18}");
        foreach (Timing timing in timings)
        {
            string bytes = timing.BytesPerCall == 0 ? "0" : timing.BytesPerCall.ToString("F3");
            Line($"{timing.Call,-34}{timing.NsMedian,12:F1}{timing.NsBest,12:F1}{bytes,18}");
        }

        if (timings.Count == 0) Line("(rows this wide are not timed)");
        output.Flush();
    }

    private static string List<T>(T[] values) => $"[{string.Join(", ", values)}]";

    private void Heading(string heading) => output.WriteLine($"\n{++_sections}. {heading}");

    private void Line(string line) => output.WriteLine($"   {line}");

    private void Rows(float[][] rows, float[]? products = null)
    {
        string[] values = MatrixText.Lines(rows);
        string[]? results = products == null ? null : MatrixText.Lines(Array.ConvertAll(products, product => new[] { product }));
        for (int row = 0; row < rows.Length; row++) Line($"  row {row}  {values[row]}{(results == null ? "" : $"  -> {results[row]}")}");
    }
}
