/* Places of values in sorted rows: y[r, i] = how many elements of sorted[r, :] are below v[r, i] (RIGHT 1: not above), by
 * binary search. v [rows, cols] dense, sorted [rows, length] dense or (SHARED 1) one row for all.
 * One work-item does one value: log2(length) + 1 steps. Local memory: none. Any local size.
 * Parameters: VEC 1; TYPE 0 f32, 1 i32; RIGHT, SHARED 0 or 1. */
#if TYPE == 0
#define ELEMENT float
#else
#define ELEMENT int
#endif
#if RIGHT
#define REACHED(a, b) ((a) > (b))
#else
#define REACHED(a, b) ((a) >= (b))
#endif

KERNEL NAME(searchsorted)(__global const ELEMENT *sorted, const ulong sorted_offset, __global const ELEMENT *v,
                          const ulong v_offset, const long rows, const long cols, const long length, STORE_PARAMS)
{
    const long at = get_global_id(0);
    if (at >= rows * cols) return;
    const long row = at / cols;
    __global const ELEMENT *line = sorted + sorted_offset + (SHARED ? 0 : row * length);
    const ELEMENT value = v[v_offset + at];
    long from = 0, to = length;
    while (from < to) {
        const long middle = from + (to - from) / 2;
        if (REACHED(line[middle], value))
            to = middle;
        else
            from = middle + 1;
    }
    STORE_S(row, at - row * cols, (int)from);
}
