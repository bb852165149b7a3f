using System.Runtime.InteropServices;
using System.Text;

namespace SimdEmbed.Perf;

/// <summary>Arrays as files that NumPy reads, and the one kind of file it writes back.</summary>
internal static class NpyFile
{
    private const int Alignment = 64;
    private static readonly byte[] s_magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];

    public static void Write<T>(string path, ReadOnlySpan<T> values, params int[] shape)
        where T : unmanaged
    {
        string type = typeof(T) == typeof(float) ? "<f4" : "<i8";
        string header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({string.Join(", ", shape)},), }}";
        int length = s_magic.Length + sizeof(ushort) + header.Length + 1;
        header = header.PadRight(header.Length + ((Alignment - (length % Alignment)) % Alignment)) + "\n";

        using FileStream file = File.Create(path);
        file.Write(s_magic);
        file.Write([(byte)header.Length, (byte)(header.Length >> 8)]);
        file.Write(Encoding.ASCII.GetBytes(header));
        file.Write(MemoryMarshal.AsBytes(values));
    }

    public static float[] ReadFloats(string path)
    {
        ReadOnlySpan<byte> bytes = File.ReadAllBytes(path);
        int header = s_magic.Length + sizeof(ushort) + bytes[s_magic.Length] + (bytes[s_magic.Length + 1] << 8);
        return MemoryMarshal.Cast<byte, float>(bytes[header..]).ToArray();
    }
}
