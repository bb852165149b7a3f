using System.Buffers;

namespace SimdEmbed.Formats;

/// <summary>Whole lines of a text file, in memory.</summary>
internal sealed class LineBlock
{
    public byte[] Buffer = [];

    /// <summary>The bytes of whole lines, each with its line feed.</summary>
    public int Length;

    /// <summary>The number of lines.</summary>
    public int Lines;

    /// <summary>The number of the first line; the file's first is 1.</summary>
    public long FirstLine;

    /// <summary>Where the first line lies in the text.</summary>
    public long Offset;

    /// <summary>How much of the file, as it lies on the disk, had been read by then.</summary>
    public long FilePosition;

    /// <summary>Blocks are numbered in the order of the file.</summary>
    public int Index;
}

/// <summary>Cuts a text into blocks of whole lines, one after the other; several threads may take turns.</summary>
internal sealed class LineBlocks
{
    private readonly WordSource _source;
    private readonly int _blockBytes;
    private readonly ArrayBufferWriter<byte> _carry = new();
    private long _line;
    private int _index;
    private bool _isEnd;

    public LineBlocks(WordSource source, WordHead head, int blockBytes)
    {
        _source = source;
        _blockBytes = source.Block(blockBytes);
        _line = head.FirstLine;
    }

    /// <summary>Reads past the header.</summary>
    public static bool TrySkip(WordSource source, long bytes, ref FormatError error)
    {
        byte[] skipped = new byte[bytes];
        return source.TryRead(skipped, out int read, ref error)
            && (read == bytes || error.Fail("file-length", source.Position, "the file has become shorter since it was opened"));
    }

    /// <summary>The next lines; none at the end, which is a block of no bytes.</summary>
    public bool TryNext(LineBlock block, ref FormatError error)
    {
        block.Offset = _source.Position - _carry.WrittenCount;
        block.FirstLine = _line;
        block.Index = _index++;
        block.Length = 0;
        block.Lines = 0;
        int length = _carry.WrittenCount;
        if (block.Buffer.Length < length + 2) block.Buffer = new byte[length + _blockBytes];
        _carry.WrittenSpan.CopyTo(block.Buffer);
        _carry.ResetWrittenCount();
        int end = -1;
        while (!_isEnd)
        {
            // The last byte stays free for the line feed that the last line may lack.
            Span<byte> free = block.Buffer.AsSpan(length, block.Buffer.Length - 1 - length);
            if (!_source.TryRead(free, out int read, ref error)) return false;
            _isEnd = read < free.Length;
            end = free[..read].LastIndexOf((byte)'\n');
            if (end >= 0) end += length;
            length += read;
            if (end >= 0 || _isEnd) break;
            if (length > WordHead.LongestLine)
            {
                return error.FailLine("line-length", _line, block.Offset, $"it is longer than {WordHead.LongestLine} bytes");
            }

            Array.Resize(ref block.Buffer, block.Buffer.Length * 2);
        }

        if (_isEnd && length > 0)
        {
            if (block.Buffer[length - 1] != '\n') block.Buffer[length++] = (byte)'\n';
            end = length - 1;
        }

        block.Length = end + 1;
        _carry.Write(block.Buffer.AsSpan(block.Length, length - block.Length));
        block.Lines = block.Buffer.AsSpan(0, block.Length).Count((byte)'\n');
        block.FilePosition = _source.FilePosition;
        _line += block.Lines;
        return true;
    }
}
