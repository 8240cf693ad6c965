/* Products of tiles in local memory, put before attention_gpu.cl: TILE x TILE pairs, shared out among the GROUP items of a
 * work-group in patches of HEIGHT x 4, SLOTS of them per item. No kernel.
 *
 * Nothing may spill (docs/vendors.md). A work-item's sums are registers: indices of their loops are constants. Loops
 * with barriers have limits that compilers do not know (chunks, rows inside): unrolled, the addresses of all rounds
 * would be computed before the loop over tiles, and spill.
 */
#ifndef GROUP
#define GROUP 64 /* work-items of a group: 1, 2, 4 ... 256 / HEIGHT */
#endif
#ifndef TILE
#define TILE 32 /* rows and columns of a tile */
#endif
#ifndef HEIGHT
#define HEIGHT 4 /* rows of a patch: 4, or 2 and 1 where the sums of a large head would not stay in registers */
#endif
#ifndef DEPTH
#define DEPTH 64 /* head size */
#endif
#if GROUP == 1
#define MEET_UP
#else
#define MEET_UP barrier(CLK_LOCAL_MEM_FENCE)
#endif
/* Functions with barriers: on PoCL 3.1 results varied between runs on two threads until these were inlined. */
#define INLINE static inline __attribute__((always_inline))
#define PITCH  (TILE + 1)
#define SIDE   (TILE / 4)
#define PATCH  (HEIGHT * 4)
#define SLOTS  (TILE * TILE / PATCH / GROUP)
#define CHUNKS ((DEPTH + TILE - 1) / TILE)
#define WIDE   (CHUNKS * TILE) /* columns of a slab: SLAB rows, of all of DEPTH, as large as a tile */
#define SLAB   (CHUNKS == 1 ? TILE : CHUNKS == 2 ? TILE / 2 : CHUNKS <= 4 ? TILE / 4 : TILE / 8)
/* Before loops over a work-item's own arrays: unrolled, their elements are registers. */
#if SLOTS == 1
#define UNROLL _Pragma("unroll")
#else
#define UNROLL
#endif

/* Rows first.. of chunk `chunk` of DEPTH, zeros outside: to[t][row]. At least one row is inside. Inside of a tile
 * indices are ints: addresses of 64 bits for each element would not stay in registers. */
INLINE void NAME(fetch)(const uint item, __global const float *from, const long stride, const long first, const long length,
                        const int chunk, const float factor, __local float *to)
{
    const int rows = (int)min(length - first, (long)TILE), columns = DEPTH - chunk * TILE, step = (int)stride;
    from += first * stride + chunk * TILE;
    for (int e = item; e < TILE * TILE; e += GROUP) {
        const int row = e / TILE, t = e % TILE;
        const float x = from[min(row, rows - 1) * step + min(t, columns - 1)];
        to[t * PITCH + row] = row < rows && t < columns ? factor * x : 0.0f;
    }
}

/* Rows first.. , SLAB of them, zeros outside: to[row][column]. */
INLINE void NAME(fetch_slab)(const uint item, __global const float *from, const long stride, const long first,
                             const long length, const float factor, __local float *to)
{
    const int rows = (int)min(length - first, (long)SLAB), step = (int)stride;
    from += first * stride;
    for (int e = item; e < SLAB * WIDE; e += GROUP) {
        const int row = e / WIDE, column = e % WIDE;
        const float x = from[min(row, rows - 1) * step + min(column, DEPTH - 1)];
        to[e] = row < rows && column < DEPTH ? factor * x : 0.0f;
    }
}

/* name: the patches of this item in `tiles` tiles side by side, c += a b; b has `length` lines, `pitch` apart. */
#define MULTIPLY(name, tiles, pitch, length)                                                                 \
    INLINE void NAME(name)(const uint item, __local const float *a, __local const float *b, float *c)        \
    {                                                                                                        \
        for (int slot = 0; slot < SLOTS; slot++) {                                                           \
            const uint patch = item + slot * GROUP;                                                          \
            __local const float *left = a + patch / SIDE * HEIGHT, *right = b + patch % SIDE * 4;            \
            float4 sum[tiles * HEIGHT]; /* PoCL 3.1 makes wrong code of sixteen floats */                    \
            _Pragma("unroll") for (int x = 0; x < tiles * HEIGHT; x++)                                       \
                sum[x] = vload4(x % HEIGHT, c + (x / HEIGHT * SLOTS + slot) * PATCH);                        \
            _Pragma("unroll 4") for (int t = 0; t < length; t++)                                             \
                _Pragma("unroll") for (int tile = 0; tile < tiles; tile++)                                   \
                {                                                                                            \
                    const float4 line = vload4(0, right + t * pitch + tile * TILE);                          \
                    _Pragma("unroll") for (int x = 0; x < HEIGHT; x++) sum[tile * HEIGHT + x] =              \
                        FMA((float4)(left[t * PITCH + x]), line, sum[tile * HEIGHT + x]);                    \
                }                                                                                            \
            _Pragma("unroll") for (int x = 0; x < tiles * HEIGHT; x++)                                       \
                vstore4(sum[x], x % HEIGHT, c + (x / HEIGHT * SLOTS + slot) * PATCH);                        \
        }                                                                                                    \
    }
MULTIPLY(multiply_tiles, 1, PITCH, TILE)
MULTIPLY(multiply_slab, CHUNKS, WIDE, SLAB)

/* c = rows a (turned) times rows b (turned): all of DEPTH, in `chunks` (CHUNKS) rounds. */
INLINE void NAME(multiply_rows)(const uint item, __global const float *a, const long a_row, const long a_first, const long a_length,
                                const float factor, __global const float *b, const long b_row, const long b_first,
                                const long b_length, __local float *a_tile, __local float *b_tile, const int chunks,
                                float *c)
{
    UNROLL for (int e = 0; e < SLOTS * PATCH; e++) c[e] = 0.0f;
    for (int chunk = 0; chunk < chunks; chunk++) {
        MEET_UP;
        NAME(fetch)(item, a, a_row, a_first, a_length, chunk, factor, a_tile);
        NAME(fetch)(item, b, b_row, b_first, b_length, chunk, 1.0f, b_tile);
        MEET_UP;
        NAME(multiply_tiles)(item, a_tile, b_tile, c);
    }
    MEET_UP;
}

/* sums[chunk] += weights (a[t][row]) times rows b, slab by slab. */
INLINE void NAME(gather)(const uint item, __local const float *weights, __global const float *b, const long b_row, const long b_first,
                         const long b_length, const float factor, __local float *b_tile, float *sums)
{
    const int rows = (int)min(b_length - b_first, (long)TILE);
    for (int t = 0; t < rows; t += SLAB) {
        MEET_UP;
        NAME(fetch_slab)(item, b, b_row, b_first + t, b_length, factor, b_tile);
        MEET_UP;
        NAME(multiply_slab)(item, weights + t * PITCH, b_tile, sums);
    }
}

/* Visits the elements of this item's patches: `e` in its arrays, `row` and `column` in the tile. */
#define EACH_ELEMENT                                                                                         \
    UNROLL for (int e = 0, row, column; e < SLOTS * PATCH; e++)                                              \
        if (row = ((int)item + e / PATCH * GROUP) / SIDE * HEIGHT + e % PATCH / 4,                           \
            column = ((int)item + e / PATCH * GROUP) % SIDE * 4 + e % 4, 1)

/* Sums to rows of DEPTH in memory, or added to what is there; factors of rows for the sums and for what was there before. */
INLINE void NAME(keep)(const uint item, const float *sums, __global float *to, const long first, const long length,
                       const int add, const int scaled, __local const float *factors, __local const float *before)
{
    const int rows = (int)min(length - first, (long)TILE);
    to += first * DEPTH;
    UNROLL for (int chunk = 0; chunk < CHUNKS; chunk++)
        EACH_ELEMENT
            if (row < rows && chunk * TILE + column < DEPTH) {
                __global float *at = to + row * DEPTH + chunk * TILE + column;
                const float sum = sums[chunk * SLOTS * PATCH + e] * (scaled ? factors[row] : 1.0f);
                *at = add ? *at * (scaled ? before[row] : 1.0f) + sum : sum;
            }
}
