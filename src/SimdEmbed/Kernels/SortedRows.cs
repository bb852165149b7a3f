namespace SimdEmbed.Kernels;

/// <summary>Lists of distinct, ascending rows.</summary>
internal static unsafe class SortedRows
{
    /// <summary>
    /// Merges <paramref name="added"/> into <paramref name="rows"/> in place (which has room for both) and returns the new
    /// count. <paramref name="rowSlots"/> and <paramref name="addedSlots"/> receive where each row ended up.
    /// </summary>
    public static int Merge(long* rows, int rowCount, long* added, int addedCount, long* rowSlots, long* addedSlots)
    {
        int common = 0;
        for (int i = 0, j = 0; i < rowCount && j < addedCount;)
        {
            long difference = rows[i] - added[j];
            if (difference == 0) common++;
            if (difference <= 0) i++;
            if (difference >= 0) j++;
        }

        // From the back, so that no row is overwritten before it has moved.
        int total = rowCount + addedCount - common;
        int row = rowCount - 1;
        int other = addedCount - 1;
        for (int slot = total - 1; slot >= 0; slot--)
        {
            bool takeRow = row >= 0 && (other < 0 || rows[row] >= added[other]);
            bool takeAdded = other >= 0 && (row < 0 || added[other] >= rows[row]);
            rows[slot] = takeRow ? rows[row] : added[other];
            if (takeRow) rowSlots[row--] = slot;
            if (takeAdded) addedSlots[other--] = slot;
        }

        return total;
    }

    /// <summary>How many of the rows are below <paramref name="row"/>.</summary>
    public static int LowerBound(long* rows, int count, long row)
    {
        int low = 0;
        int high = count;
        while (low < high)
        {
            int middle = (int)(((uint)low + (uint)high) / 2);
            if (rows[middle] < row) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>Copies the rows that are not among <paramref name="excluded"/>, and returns how many.</summary>
    public static int Except(long* rows, int count, long* excluded, int excludedCount, long* result)
    {
        int kept = 0;
        int other = 0;
        for (int i = 0; i < count; i++)
        {
            while (other < excludedCount && excluded[other] < rows[i]) other++;
            result[kept] = rows[i];
            kept += other < excludedCount && excluded[other] == rows[i] ? 0 : 1;
        }

        return kept;
    }
}
