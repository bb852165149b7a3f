using System.Security.Cryptography;
using System.Text.Json;
using static SimdEmbed.Tests.Golden.GoldenCompare;

namespace SimdEmbed.Tests.Golden;

/// <summary>Packed rows, their bags, and the half-width conversions.</summary>
internal static class GoldenQuant
{
    public static string? Run(GoldenCase golden)
    {
        if (golden.Params.GetProperty("kind").GetString() == "convert") Convert(golden);
        else RowWise(golden);
        return null;
    }

    private static void RowWise(GoldenCase golden)
    {
        golden.RequireOnly(["kind", "bits"], ["weight"], ["packed_shape", "packed_base64", "unpacked", "bags", "error"]);
        RowCodec codec = golden.Params.GetProperty("bits").GetString() switch
        {
            "byte" => RowCodec.Int8,
            "4bit" => RowCodec.Int4,
            "2bit" => RowCodec.Int2,
            string bits => throw new GoldenException($"unknown bits '{bits}'"),
            null => throw new GoldenException("no bits"),
        };
        GoldenTensor weight = GoldenTensor.Parse(golden.Inputs.GetProperty("weight"));
        if (golden.Expected.TryGetProperty("error", out _))
        {
            // PyTorch refuses a dim that does not fill its bytes; here only the packed form of it is refused.
            Refuses<ArgumentOutOfRangeException>(() => EmbeddingTable.PackedRowBytes(codec, weight.Columns));
            return;
        }

        int bytes = EmbeddingTable.PackedRowBytes(codec, weight.Columns);
        byte[] packed = golden.Expected.GetProperty("packed_base64").GetBytesFromBase64();
        if (packed.Length != bytes * weight.Rows) throw new GoldenException($"PyTorch packs {packed.Length} bytes, here it is {bytes * weight.Rows}");
        using EmbeddingTable floats = weight.ToTable();
        using EmbeddingTable converted = floats.ConvertTo(codec);
        using EmbeddingTable read = EmbeddingTable.FromPackedRows(codec, weight.Columns, packed);
        byte[] row = new byte[bytes];
        for (int i = 0; i < weight.Rows; i++)
        {
            foreach (EmbeddingTable table in (EmbeddingTable[])[converted, read])
            {
                table.CopyPackedRowTo(i, row);
                if (!row.AsSpan().SequenceEqual(packed.AsSpan(i * bytes, bytes)))
                {
                    throw new GoldenException($"row {i}: PyTorch packs {System.Convert.ToHexString(packed, i * bytes, bytes)}, here it is {System.Convert.ToHexString(row)}");
                }
            }
        }

        float[] unpacked = GoldenTensor.Parse(golden.Expected.GetProperty("unpacked")).Floats();
        Same(unpacked, converted.AllRows(), "unpacked");
        Same(unpacked, read.AllRows(), "unpacked from PyTorch's bytes");
        using EmbeddingBag bag = new(read, Pooling.Sum, leaveOpen: true);
        foreach (JsonElement call in golden.Expected.GetProperty("bags").EnumerateArray()) CheckBag(bag, call, unpacked);
    }

    private static void CheckBag(EmbeddingBag bag, JsonElement call, float[] unpacked)
    {
        string label = call.GetProperty("label").GetString()!;
        GoldenTensor indices = GoldenTensor.Parse(call.GetProperty("indices"));
        long[] rows = indices.Longs();
        JsonElement offsets = call.GetProperty("offsets");
        Bags<long> bags = offsets.ValueKind == JsonValueKind.Null
            ? Bags<long>.FixedLength(rows, indices.Columns)
            : Bags<long>.FromOffsets(rows, GoldenTensor.Parse(offsets).Longs(), call.GetProperty("include_last_offset").GetBoolean());
        JsonElement weights = call.GetProperty("per_sample_weights");
        float[]? factors = weights.ValueKind == JsonValueKind.Null ? null : GoldenTensor.Parse(weights).Floats();
        if (factors is not null) bags = bags.WithWeights(factors);
        float[] actual = new float[bags.Count * bag.EmbeddingDim];
        JsonElement result = call.GetProperty("result");
        if (result.TryGetProperty("error", out _))
        {
            try
            {
                bag.Forward(bags, actual);
            }
            catch (ArgumentOutOfRangeException)
            {
                return;
            }

            throw new GoldenException($"{label}: PyTorch refuses this");
        }

        bag.Forward(bags, actual);

        // Relative to the largest sum of magnitudes that a column can have: PyTorch adds the bias with each row, here it is added once.
        double largest = unpacked.Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
        double most = (factors ?? [1f]).Max(Math.Abs) * Math.Max(1, rows.Length);
        Within(GoldenTensor.Parse(result.GetProperty("output")).Floats(), actual, 1e-6 * Math.Max(largest * most, 0.01), label);
    }

    private static void Convert(GoldenCase golden)
    {
        golden.RequireOnly(["kind", "from", "to"], ["bits"], ["bits", "sha256_of_all_65536_with_nan_as_7fc00000"]);
        string from = golden.Params.GetProperty("from").GetString()!;
        string to = golden.Params.GetProperty("to").GetString()!;
        uint[] given = Bits(golden.Inputs);
        uint[] expected = Bits(golden.Expected);
        if (from == "float32")
        {
            using EmbeddingTable table = new(1, given.Length, Codec(to));
            table.SetRow(0, Array.ConvertAll(given, BitConverter.UInt32BitsToSingle));
            float[] stored = new float[given.Length];
            table.CopyRowTo(0, stored);
            Same(Array.ConvertAll(expected, bits => Wide(to, (ushort)bits)), stored, to);
            return;
        }

        float[] all = [.. Enumerable.Range(0, 65536).Select(bits => Wide(from, (ushort)bits))];
        using EmbeddingTable every = new(1, all.Length, Codec(from));
        every.SetRow(0, all);
        float[] decoded = new float[all.Length];
        every.CopyRowTo(0, decoded);
        for (int i = 0; i < given.Length; i++)
        {
            Same([BitConverter.UInt32BitsToSingle(expected[i])], decoded.AsSpan((int)given[i], 1), $"{from} {given[i]:x4}");
        }

        byte[] bytes = [.. decoded.SelectMany(x => BitConverter.GetBytes(float.IsNaN(x) ? 0x7FC00000u : BitConverter.SingleToUInt32Bits(x)))];
        string hash = System.Convert.ToHexStringLower(SHA256.HashData(bytes));
        if (hash != golden.Expected.GetProperty("sha256_of_all_65536_with_nan_as_7fc00000").GetString()) throw new GoldenException($"another hash of all {from} numbers");
    }

    private static float Wide(string type, ushort bits) =>
        type == "float16" ? (float)BitConverter.UInt16BitsToHalf(bits) : BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static RowCodec Codec(string type) => type == "float16" ? RowCodec.Float16 : RowCodec.BFloat16;

    private static uint[] Bits(JsonElement side) => [.. side.GetProperty("bits").EnumerateArray().Select(bits => bits.GetUInt32())];

    private static void Refuses<TException>(Action call)
        where TException : Exception
    {
        try
        {
            call();
        }
        catch (TException)
        {
            return;
        }

        throw new GoldenException("PyTorch refuses this, and here it is let in");
    }
}
