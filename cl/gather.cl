/* Elements at indices: out[o, m, i] = x[o, index[o, m, i], i], x [outer, n, inner] dense.
 *
 * The index has strides index_outer, index_m, index_inner; 0 where it is shared. Indices are in range.
 * LAST 1: inner is 1, and the result is seen as rows o and columns m; else rows (o, m) and columns i.
 * On a CPU a work-item takes about ITEM_ELEMENTS elements, in vectors where a row has one index (SHARED). With LINEAR it
 * takes one. Local memory: none. Any local size.
 * Parameters: VEC; TYPE 0 f32, 1 i32, 2 u32, 3 bytes, 4 truth bytes; LAST, SHARED, LINEAR 0 or 1; ITEM_ELEMENTS. */
#if TYPE == 0
#define ELEMENT float
#define TO_REGISTER(x) (x)
#elif TYPE == 1
#define ELEMENT int
#define TO_REGISTER(x) (x)
#elif TYPE == 2
#define ELEMENT uint
#define TO_REGISTER(x) (x)
#else
#define ELEMENT uchar
#define TO_REGISTER(x) (TYPE == 4 ? ((x) != 0) : (int)(x))
#endif

#if LAST
#define OUTER(row) (row)
#define PLACE(row, column) (column)
#define INNER(column) 0
#else
#define OUTER(row) ((row) / m)
#define PLACE(row, column) ((row) % m)
#define INNER(column) (column)
#endif
#define INDEX(row, column)                                                                                   \
    index[index_offset + OUTER(row) * index_outer + PLACE(row, column) * index_m + INNER(column) * index_inner]
#define SOURCE(row, column, at) (x + x_offset + (OUTER(row) * n + (at)) * inner + INNER(column))

KERNEL NAME(gather)(__global const ELEMENT *x, const ulong x_offset, __global const int *index,
                    const ulong index_offset, const long rows, const long cols, const long m, const long n,
                    const long inner, const long index_outer, const long index_m, const long index_inner,
                    STORE_PARAMS)
{
#if LINEAR
    const long element = get_global_id(0), row = element / cols, column = element % cols;
    if (element >= rows * cols) return;
    const long at = INDEX(row, column);
    STORE_S(row, column, TO_REGISTER(*SOURCE(row, column, at)));
#else
    const long item_cols = min(cols, (long)ITEM_ELEMENTS), item_rows = ITEM_ELEMENTS / item_cols;
    const long first = get_global_id(0) * item_cols, last = min(first + item_cols, cols);
    const long last_row = min((long)(get_global_id(1) + 1) * item_rows, rows);
    for (long row = get_global_id(1) * item_rows; row < last_row; ++row) {
        long column = first;
#if SHARED
        const long at = INDEX(row, 0);
        for (; column + VEC <= last; column += VEC) {
            STORE_V(row, column, VLOAD(SOURCE(row, column, at)));
        }
        for (; column < last; ++column) {
            STORE_S(row, column, TO_REGISTER(*SOURCE(row, column, at)));
        }
#else
        for (; column < last; ++column) {
            const long at = INDEX(row, column);
            STORE_S(row, column, TO_REGISTER(*SOURCE(row, column, at)));
        }
#endif
    }
#endif
}
