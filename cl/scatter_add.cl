/* Sums at indices: out[o, v, i] = sum over the places m with index[o, m, i] == v of src[o, m, i], in the order of m.
 *
 * src [outer, m, inner] dense, out [outer, n, inner]. Each result is made by one work-item: no atomics, one order.
 * SORTED 0: it looks at the indices of all places (strides index_outer, index_m, index_inner; 0 where shared).
 * SORTED 1: index holds each line of m indices sorted, order the places they come from; lines are index_outer and
 *           index_inner m apart. Binary search finds the run of v.
 * Places from `from` to `to` are added; FIRST 0: onto `partial`; FINAL 0: the sum goes back there.
 * LAST 1: inner is 1, and the result is seen as rows o and columns v; else rows (o, v) and columns i.
 * A work-item takes ITEM_ROWS rows and ITEM_COLS columns, in vectors where a row has one line of indices (SHARED).
 * Local memory: none. Any local size. Parameters: VEC, SORTED, FIRST, FINAL, LAST, SHARED, ITEM_ROWS, ITEM_COLS. */
#if LAST
#define OUTER(row) (row)
#define TARGET(row, column) (column)
#define INNER(column) 0
#else
#define OUTER(row) ((row) / n)
#define TARGET(row, column) ((row) % n)
#define INNER(column) (column)
#endif
#define READ_ONE(p) (*(p))

#if SORTED
#define ORDER_PARAMS , __global const int *order, const ulong order_offset
/* The first place in [from, to) of a sorted line that is not below v. */
static long NAME(lower_bound)(__global const int *line, long from, long to, const long v)
{
    while (from < to) {
        const long middle = from + (to - from) / 2;
        if (line[middle] < v)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}
#define FIND(row, column)                                                                                    \
    const long v = TARGET(row, column);                                                                      \
    const long line = (OUTER(row) * index_outer + INNER(column) * index_inner * m);                          \
    __global const int *keys = index + index_offset + line, *places = order + order_offset + line;           \
    const long begin = NAME(lower_bound)(keys, from, to, v);
#define ADD_UP(row, column, LOAD)                                                                            \
    for (long j = begin; j < to && keys[j] == v; ++j) sum += LOAD(SOURCE(row, column, places[j]));
#else
#define ORDER_PARAMS
#define FIND(row, column)                                                                                    \
    const long v = TARGET(row, column);                                                                      \
    __global const int *keys = index + index_offset + OUTER(row) * index_outer + INNER(column) * index_inner;
#define ADD_UP(row, column, LOAD)                                                                            \
    for (long j = from; j < to; ++j)                                                                         \
        if (keys[j * index_m] == v) sum += LOAD(SOURCE(row, column, j));
#endif
#define SOURCE(row, column, place) (src + src_offset + (OUTER(row) * m + (place)) * inner + INNER(column))

#if FINAL
#define PUT_V(row, column) STORE_V(row, column, sum);
#define PUT_S(row, column) STORE_S(row, column, sum);
#define RESULT_PARAMS , STORE_PARAMS
#else
#define PUT_V(row, column) VSTORE(sum, partial + partial_offset + (row) * cols + (column));
#define PUT_S(row, column) partial[partial_offset + (row) * cols + (column)] = sum;
#define RESULT_PARAMS
#endif
#if FIRST && FINAL
#define PARTIAL_PARAMS
#else
#define PARTIAL_PARAMS , __global float *partial, const ulong partial_offset
#endif
#if FIRST
#define START(row, column, REAL, LOAD) REAL sum = (REAL)(0.0f);
#else
#define START(row, column, REAL, LOAD) REAL sum = LOAD(partial + partial_offset + (row) * cols + (column));
#endif

KERNEL NAME(scatter_add)(__global const int *index, const ulong index_offset, __global const float *src,
                         const ulong src_offset ORDER_PARAMS PARTIAL_PARAMS, const long rows, const long cols,
                         const long m, const long n, const long inner, const long index_outer,
                         const long index_m, const long index_inner, const long from, const long to RESULT_PARAMS)
{
    const long blocks = (cols + ITEM_COLS - 1) / ITEM_COLS, item = get_global_id(0);
    const long first = item % blocks * ITEM_COLS, last = min(first + ITEM_COLS, cols);
    const long last_row = min((item / blocks + 1) * ITEM_ROWS, rows);
    for (long row = item / blocks * ITEM_ROWS; row < last_row; ++row) {
        long column = first;
#if SHARED
        FIND(row, 0)
        for (; column + VEC <= last; column += VEC) {
            START(row, column, VF, VLOAD)
            ADD_UP(row, column, VLOAD)
            PUT_V(row, column)
        }
        for (; column < last; ++column) {
            START(row, column, float, READ_ONE)
            ADD_UP(row, column, READ_ONE)
            PUT_S(row, column)
        }
#else
        for (; column < last; ++column) {
            FIND(row, column)
            START(row, column, float, READ_ONE)
            ADD_UP(row, column, READ_ONE)
            PUT_S(row, column)
        }
#endif
    }
}
