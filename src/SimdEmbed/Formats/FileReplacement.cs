using System.Globalization;
using SimdEmbed.Internals;

namespace SimdEmbed.Formats;

/// <summary>Puts a whole file in the place of an old one: whoever looks sees one or the other, never half of one.</summary>
internal static class FileReplacement
{
    private const int BufferBytes = 1 << 16;
    private static int s_counter;

    /// <summary>Writes beside the target, flushes to the disk, renames. On any failure the target is as it was.</summary>
    public static void Write(string path, Action<FileStream> write)
    {
        string target = Path.GetFullPath(path);
        string directory = Path.GetDirectoryName(target) ?? target;

        // Short, because the target's own name may be as long as the file system allows; and on the same disk, or a rename would
        // be a copy.
        int number = Interlocked.Increment(ref s_counter);
        string temporary = Path.Combine(directory, string.Create(
            CultureInfo.InvariantCulture, $".simdembed-{Environment.ProcessId}-{number}-{Environment.TickCount64}.tmp"));
        FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        bool isDone = false;
        try
        {
            using (stream)
            {
                write(stream);
                stream.Flush();
                Durability.Sync(stream.SafeFileHandle, temporary);
            }

            Durability.Rename(temporary, target);
            isDone = true;
        }
        finally
        {
            if (!isDone) File.Delete(temporary);
        }
    }
}
