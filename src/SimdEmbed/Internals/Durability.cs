using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace SimdEmbed.Internals;

/// <summary>
/// What makes a file outlast a loss of power, with every error reported: on Linux the runtime's own flush does not say when fsync
/// failed, and it has none for directories.
/// </summary>
internal static partial class Durability
{
    private const int Interrupted = 4;
    private const int WouldBlock = 11;
    private const int WouldBlockElsewhere = 35;
    private const int SharingViolation = unchecked((int)0x80070020);
    private const int OpenDirectory = 0x10000 | 0x80000;
    private const int LockExclusiveAtOnce = 2 | 4;
    private const uint StartWriting = 2;

    /// <summary>The file's bytes and length are on the disk when it returns. After an error they may not be, whatever a second call says.</summary>
    /// <exception cref="IOException">The system reports an error.</exception>
    public static void Sync(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }

        while (Fsync(file) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Interrupted) throw Error("cannot be flushed to the disk", path);
        }
    }

    /// <summary>
    /// Lets the disk begin with a part of a file while the rest is still being made. A hint: what becomes of it is for
    /// <see cref="Sync"/> to report.
    /// </summary>
    public static void StartSync(SafeFileHandle file, long offset, long bytes)
    {
        if (OperatingSystem.IsLinux()) _ = SyncFileRange(file, offset, bytes, StartWriting);
    }

    /// <summary>Names that were made, changed or removed in a directory are on the disk when it returns.</summary>
    /// <exception cref="IOException">The system reports an error.</exception>
    public static void SyncDirectory(string directory)
    {
        // Windows writes its directories with the files; the runtime gives no handle to a directory elsewhere.
        if (!OperatingSystem.IsLinux()) return;
        int descriptor;
        do descriptor = Open(directory, ArchitectureFlags(OpenDirectory));
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        if (descriptor < 0) throw Error("cannot be opened", directory);
        using SafeFileHandle handle = new(descriptor, ownsHandle: true);
        Sync(handle, directory);
    }

    /// <summary>Gives a file another name in the same directory, in the place of a file that has it: at once or not at all.</summary>
    /// <exception cref="IOException">The system reports an error.</exception>
    public static void Rename(string from, string to)
    {
        if (!OperatingSystem.IsLinux()) File.Move(from, to, overwrite: true);
        else if (RenameFile(from, to) != 0) throw Error($"cannot be renamed to '{Path.GetFileName(to)}'", from);
    }

    /// <summary>Takes the lock of an open file for this handle alone; false when another has it.</summary>
    /// <exception cref="IOException">The system reports an error.</exception>
    public static bool TryLock(SafeFileHandle file, string path)
    {
        // The runtime takes the same lock for FileShare.None, but goes on without it where that fails.
        if (!OperatingSystem.IsLinux()) return true;
        while (Flock(file, LockExclusiveAtOnce) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error == WouldBlock) return false;
            if (error != Interrupted) throw Error("cannot be locked", path);
        }

        return true;
    }

    /// <summary>Whether a file could not be opened for oneself alone because another has it.</summary>
    public static bool IsLockedByOther(IOException e) =>
        e.HResult == (OperatingSystem.IsWindows() ? SharingViolation : OperatingSystem.IsLinux() ? WouldBlock : WouldBlockElsewhere);

    // O_DIRECTORY has another number on Arm; O_CLOEXEC has not.
    private static int ArchitectureFlags(int flags) =>
        RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64 ? (flags & ~0x10000) | 0x4000 : flags;

    private static IOException Error(string what, string path)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"'{path}' {what}: {Marshal.GetPInvokeErrorMessage(error)}", error);
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Fsync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SyncFileRange(SafeFileHandle file, long offset, long bytes, uint flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Flock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int RenameFile(string from, string to);
}
