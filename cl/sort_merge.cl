/* One level of a stable merge sort: neighbouring sorted runs of `run` elements in each row become runs of twice that.
 *
 * keys_in, numbers_in [count / length, length]: keys, and the element numbers that go with them. On equal keys the left
 * run comes first. FINAL 1: only the numbers are wanted, as the result.
 * A work-item makes ITEM neighbouring elements (ITEM divides 2 run): binary search along the diagonal of the two runs
 * finds where its part begins, then it merges. Local memory: none. Any local size. Parameters: FINAL 0 or 1; ITEM.
 * Source: Green, McColl and Bader 2012 (merge path).                                               */
#if FINAL
#define RESULT_PARAMS STORE_PARAMS
#else
#define RESULT_PARAMS                                                                                        \
    __global int *keys_out, const ulong keys_out_offset, __global int *numbers_out, const ulong numbers_out_offset
#endif

KERNEL NAME(sort_merge)(__global const int *keys_in, const ulong keys_in_offset, __global const int *numbers_in,
                        const ulong numbers_in_offset, const long count, const long length, const long run,
                        RESULT_PARAMS)
{
    const long per_row = (length + ITEM - 1) / ITEM, item = get_global_id(0);
    const long row = item / per_row, first = item % per_row * ITEM;
    if (row * length >= count) return;
    const long start = first / (2 * run) * (2 * run);
    const long middle = min(start + run, length), stop = min(middle + run, length);
    const long left_count = middle - start, right_count = stop - middle, diagonal = first - start;
    __global const int *left = keys_in + keys_in_offset + row * length + start, *right = left + left_count;
    __global const int *numbers = numbers_in + numbers_in_offset + row * length + start;
    long low = max(0L, diagonal - right_count), high = min(diagonal, left_count);
    while (low < high) {
        const long at = low + (high - low) / 2;
        if (left[at] <= right[diagonal - 1 - at])
            low = at + 1;
        else
            high = at;
    }
    long i = low, j = diagonal - low;
    const long end = min(first + (long)ITEM, stop);
    for (long place = first; place < end; ++place) {
        const int from_left = j >= right_count || (i < left_count && left[i] <= right[j]);
        const long at = from_left ? i++ : left_count + j++;
#if FINAL
        STORE_S(row, place, numbers[at]);
#else
        keys_out[keys_out_offset + row * length + place] = left[at];
        numbers_out[numbers_out_offset + row * length + place] = numbers[at];
#endif
    }
}
