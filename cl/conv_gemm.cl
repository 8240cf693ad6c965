/* Convolution as an implicit matrix product, for any shape, stride, padding, dilation (TAP_H, TAP_W), groups
 * and operand strides.
 *
 *   result[row, col] = sum over k of a(row, k) b(k, col), per group; nothing is unfolded in memory
 *   PASS 0  forward      row: pixel of y   col: output channel   k: (kh, kw, channel)   a: x   b: w
 *   PASS 1  to x         row: pixel of x   col: input channel    k: (kh, kw, output)    a: dy  b: w
 *   PASS 2  to w         row: output       col: (kh, kw, channel)  k: pixel of y        a: dy  b: x
 *
 * NHWC, weights OHWI. A0..A3 and B0..B3 are the element strides of the two operands.
 * TILED: a work-group owns TILE_M x TILE_N results in local memory tiles of TILE_K, each of its LOCAL_M x
 *   LOCAL_N work-items (TILE_M / LOCAL_M) x (TILE_N / LOCAL_N) of them.
 *   Local memory: 4 TILE_K (TILE_M + TILE_N + 2) bytes.
 * Otherwise: one work-item, one result; local size free, no local memory.
 * SPLIT > 1: the sum over k is cut into SPLIT parts, which go to a workspace [SPLIT, ROWS, COLS] for
 *   conv_sum.cl; the cut depends on the shape and the device's loop limit alone. f32 sums.
 * LONG_INDEX: 1 where places in an operand or the result may pass 31 bits.
 */
#if LONG_INDEX
#define INDEX long
#else
#define INDEX int
#endif
#ifndef TILE_M
#define TILE_M 64 /* rows of a tile: a multiple of LOCAL_M */
#endif
#ifndef TILE_N
#define TILE_N 64 /* columns of a tile: a multiple of LOCAL_N */
#endif
#ifndef TILE_K
#define TILE_K 16 /* depth of a tile */
#endif
#ifndef LOCAL_M
#define LOCAL_M 16
#endif
#ifndef LOCAL_N
#define LOCAL_N 16
#endif

/* x under tap (kh, kw) of output pixel `pixel`, or zero. s0..s3: strides of x. */
float NAME(under)(__global const float *x, const INDEX pixel, const int kh, const int kw, const int c,
                  const INDEX s0, const INDEX s1, const INDEX s2, const INDEX s3)
{
    const int ow = (int)(pixel % YW);
    const int oh = (int)(pixel / YW % YH);
    const int h = oh * STRIDE_H - PAD_H + kh * TAP_H;
    const int w = ow * STRIDE_W - PAD_W + kw * TAP_W;
    if (h < 0 || h >= XH || w < 0 || w >= XW) return 0.0f;
    return x[pixel / (YW * YH) * s0 + h * s1 + w * s2 + c * s3];
}

#if PASS == 0
#define ROWS_OF(n)      ((INDEX)(n)*YH * YW)
#define COLS            OUT_GROUP
#define DEPTH_OF(n)     ((INDEX)KH * KW * IN_GROUP)
#define RESULT_ROW(row) (row)
#define RESULT_COL(col) (group * OUT_GROUP + (col))
float NAME(a_at)(__global const float *a, const INDEX row, const INDEX k, const int group)
{
    const int tap = (int)(k / IN_GROUP);
    return NAME(under)(a, row, tap / KW, tap % KW, group * IN_GROUP + (int)(k % IN_GROUP), A0, A1, A2, A3);
}
float NAME(b_at)(__global const float *b, const INDEX k, const int col, const int group)
{
    const int tap = (int)(k / IN_GROUP);
    return b[(group * OUT_GROUP + col) * B0 + tap / KW * B1 + tap % KW * B2 + k % IN_GROUP * B3];
}
#elif PASS == 1
#define ROWS_OF(n)      ((INDEX)(n)*XH * XW)
#define COLS            IN_GROUP
#define DEPTH_OF(n)     ((INDEX)KH * KW * OUT_GROUP)
#define RESULT_ROW(row) (row)
#define RESULT_COL(col) (group * IN_GROUP + (col))
float NAME(a_at)(__global const float *a, const INDEX row, const INDEX k, const int group)
{
    const int tap = (int)(k / OUT_GROUP);
    const int h = (int)(row / XW % XH) + PAD_H - tap / KW * TAP_H;
    const int w = (int)(row % XW) + PAD_W - tap % KW * TAP_W;
    if (h < 0 || w < 0 || h % STRIDE_H != 0 || w % STRIDE_W != 0) return 0.0f;
    const int oh = h / STRIDE_H, ow = w / STRIDE_W;
    if (oh >= YH || ow >= YW) return 0.0f;
    return a[row / (XH * XW) * A0 + oh * A1 + ow * A2 + (group * OUT_GROUP + k % OUT_GROUP) * A3];
}
float NAME(b_at)(__global const float *b, const INDEX k, const int col, const int group)
{
    const int tap = (int)(k / OUT_GROUP);
    return b[(group * OUT_GROUP + k % OUT_GROUP) * B0 + tap / KW * B1 + tap % KW * B2 + col * B3];
}
#else
#define ROWS_OF(n)      ((INDEX)OUT_GROUP)
#define COLS            (KH * KW * IN_GROUP)
#define DEPTH_OF(n)     ((INDEX)(n)*YH * YW)
#define RESULT_ROW(row) (group * OUT_GROUP + (row))
#define RESULT_COL(col) (col)
float NAME(a_at)(__global const float *a, const INDEX row, const INDEX k, const int group)
{
    return a[k / (YW * YH) * A0 + k / YW % YH * A1 + k % YW * A2 + (group * OUT_GROUP + row) * A3];
}
float NAME(b_at)(__global const float *b, const INDEX k, const int col, const int group)
{
    const int tap = col / IN_GROUP;
    return NAME(under)(b, k, tap / KW, tap % KW, group * IN_GROUP + col % IN_GROUP, B0, B1, B2, B3);
}
#endif

#if SPLIT > 1
#define RESULT_PARAMS __global float *parts, const ulong parts_offset
#define RESULT(row, col, value)                                                                              \
    parts[parts_offset + ((long)part * RESULT_ROWS_OF(n) + RESULT_ROW(row)) * RESULT_COLS +                  \
          RESULT_COL(col)] = (value)
#if PASS == 2
#define RESULT_ROWS_OF(n) ((INDEX)GROUPS * OUT_GROUP)
#define RESULT_COLS       COLS
#else
#define RESULT_ROWS_OF(n) ROWS_OF(n)
#define RESULT_COLS       (GROUPS * COLS)
#endif
#else
#define RESULT_PARAMS           STORE_PARAMS
#define RESULT(row, col, value) STORE_S(RESULT_ROW(row), RESULT_COL(col), value)
#endif

#ifdef TILED
#define PER_M (TILE_M / LOCAL_M)
#define PER_N (TILE_N / LOCAL_N)
#define ITEMS (LOCAL_M * LOCAL_N)
/* Neighbouring work-items read neighbouring k of a where k is contiguous there, and neighbouring columns of
 * b. */
KERNEL NAME(conv_gemm)(__global const float *a, const ulong a_offset, __global const float *b,
                       const ulong b_offset, const int n, const long chunk, RESULT_PARAMS)
{
    __local float a_tile[TILE_K][TILE_M + 1], b_tile[TILE_K][TILE_N + 1];
    const int local_n = get_local_id(0), local_m = get_local_id(1), item = local_m * LOCAL_N + local_n;
    const INDEX row0 = (INDEX)GROUP_ID(1) * TILE_M;
    const int col0 = GROUP_ID(0) * TILE_N;
    const int group = GROUP_ID(2) % GROUPS, part = GROUP_ID(2) / GROUPS;
    const INDEX begin = (INDEX)(part * chunk), end = (INDEX)min((long)DEPTH_OF(n), (part + 1) * chunk);
    float acc[PER_M][PER_N];
    for (int i = 0; i < PER_M; i++)
        for (int j = 0; j < PER_N; j++) acc[i][j] = 0.0f;
    a += a_offset;
    b += b_offset;
    for (INDEX k0 = begin; k0 < end; k0 += TILE_K) {
        for (int e = item; e < TILE_M * TILE_K; e += ITEMS) {
#if PASS == 2
            const int i = e % TILE_M, k = e / TILE_M;
#else
            const int i = e / TILE_K, k = e % TILE_K;
#endif
            const int inside = row0 + i < ROWS_OF(n) && k0 + k < end;
            a_tile[k][i] = inside ? NAME(a_at)(a, row0 + i, k0 + k, group) : 0.0f;
        }
        for (int e = item; e < TILE_N * TILE_K; e += ITEMS) {
#if PASS == 0
            const int j = e / TILE_K, k = e % TILE_K;
#else
            const int j = e % TILE_N, k = e / TILE_N;
#endif
            const int inside = col0 + j < COLS && k0 + k < end;
            b_tile[k][j] = inside ? NAME(b_at)(b, k0 + k, col0 + j, group) : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < TILE_K; k++) {
            float bv[PER_N];
            for (int j = 0; j < PER_N; j++) bv[j] = b_tile[k][local_n + j * LOCAL_N];
            for (int i = 0; i < PER_M; i++) {
                const float av = a_tile[k][local_m + i * LOCAL_M];
                for (int j = 0; j < PER_N; j++) acc[i][j] = FMA(av, bv[j], acc[i][j]);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int i = 0; i < PER_M; i++) {
        const INDEX row = row0 + local_m + i * LOCAL_M;
        if (row >= ROWS_OF(n)) break;
        for (int j = 0; j < PER_N; j++) {
            const int col = col0 + local_n + j * LOCAL_N;
            if (col < COLS) {
                RESULT(row, col, acc[i][j]);
            }
        }
    }
}
#else
KERNEL NAME(conv_gemm)(__global const float *a, const ulong a_offset, __global const float *b,
                       const ulong b_offset, const int n, const long chunk, RESULT_PARAMS)
{
    const INDEX index = get_global_id(0);
    const int group = get_global_id(1) % GROUPS, part = get_global_id(1) / GROUPS;
    const INDEX row = index / COLS;
    const int col = (int)(index % COLS);
    if (row >= ROWS_OF(n)) return;
    const INDEX begin = (INDEX)(part * chunk), end = (INDEX)min((long)DEPTH_OF(n), (part + 1) * chunk);
    float acc = 0.0f;
    for (INDEX k = begin; k < end; k++)
        acc = FMA(NAME(a_at)(a + a_offset, row, k, group), NAME(b_at)(b + b_offset, k, col, group), acc);
    RESULT(row, col, acc);
}
#endif
