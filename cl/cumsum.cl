/* Running sums along the middle axis: y[o, j, i] = sum over k <= j of x[o, k, i], x [outer, length, inner] dense.
 *
 * An axis is cut into chunks of `chunk` elements. PHASE 0: the sum of each chunk, to parts [outer, chunks, inner].
 * PHASE 1: each chunk adds up the parts before it and goes on from there; where one chunk is all (PARTS 0), phase 0 is left
 * out. The order of all additions depends on the length alone: every device gives the same bits.
 * REVERSE 1: from the end of the axis backwards.
 * LAST 1: inner is 1, and the result is seen as rows o and columns j; else rows (o, j) and columns i.
 * One work-item does VEC columns of one chunk (the columns past the last vector one by one): chunks + chunk steps.
 * Local memory: none. Any local size. Parameters: VEC; TYPE 0 f32, 1 i32; PHASE, PARTS, REVERSE, LAST 0 or 1. */
#if TYPE == 0
#define ELEMENT float
#define ELEMENTS VF
#else
#define ELEMENT int
#define ELEMENTS VI
#endif
#define READ_ONE(p) (*(p))
#define WRITE_ONE(v, p) (*(p) = (v))

#if LAST
#define PUT(STORE, o, j, i, v) STORE(o, j, v)
#else
#define PUT(STORE, o, j, i, v) STORE((o) * length + (j), i, v)
#endif
#if REVERSE
#define PLACE(k) (length - 1 - (k))
#else
#define PLACE(k) (k)
#endif
#if PHASE == 0
#define RESULT_PARAMS
#define STEP(STORE, k)
#define FINISH(WRITE) WRITE(sum, parts + parts_offset + (o * chunks + c) * inner + i);
#define CARRY(LOAD)
#else
#define RESULT_PARAMS , STORE_PARAMS
#define STEP(STORE, k) PUT(STORE, o, PLACE(k), i, sum);
#define FINISH(WRITE)
#if PARTS
#define CARRY(LOAD)                                                                                          \
    for (long b = 0; b < c; ++b) sum += LOAD(parts + parts_offset + (o * chunks + b) * inner + i);
#else
#define CARRY(LOAD)
#endif
#endif
#if PARTS
#define PARTS_PARAMS , __global ELEMENT *parts, const ulong parts_offset
#else
#define PARTS_PARAMS
#endif
#define RUN(REAL, LOAD, WRITE, STORE)                                                                        \
    REAL sum = (REAL)(0);                                                                                    \
    CARRY(LOAD)                                                                                              \
    for (long k = c * chunk; k < last; ++k) {                                                                \
        sum += LOAD(x + x_offset + (o * length + PLACE(k)) * inner + i);                                     \
        STEP(STORE, k)                                                                                       \
    }                                                                                                        \
    FINISH(WRITE)

KERNEL NAME(cumsum)(__global const ELEMENT *x, const ulong x_offset PARTS_PARAMS, const long items,
                    const long length, const long inner, const long chunk, const long chunks RESULT_PARAMS)
{
    const long item = get_global_id(0), blocks = (inner + VEC - 1) / VEC;
    if (item >= items) return;
    const long first = item % blocks * VEC, c = item / blocks % chunks, o = item / blocks / chunks;
    const long last = min((c + 1) * chunk, length);
#if VEC > 1
    if (first + VEC <= inner) {
        const long i = first;
        RUN(ELEMENTS, VLOAD, VSTORE, STORE_V)
        return;
    }
#endif
    for (long i = first; i < min(first + VEC, inner); ++i) {
        RUN(ELEMENT, READ_ONE, WRITE_ONE, STORE_S)
    }
}
