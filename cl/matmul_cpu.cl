/* c[batch, m, n] = sum over k of a[batch, m, k] b[batch, k, n], for CPUs: one work-item holds ROWS x COLS
 * vectors of the result in registers while it walks over k; no local memory, any local size.
 *
 *            COLS * VEC columns
 *          +--------+--------+
 *   ROWS   | VF acc | VF acc |     per step of k: COLS vector loads of b, ROWS scalar loads of a,
 *   rows   |  ...   |  ...   |     ROWS * COLS FMAs
 *          +--------+--------+
 * A work-item does row_tiles x col_tiles such tiles. Tiles that would pass the edge are moved back inside
 * (m >= ROWS and n >= VEC) and store only what is theirs: nothing is read out of bounds or stored twice.
 *
 * a   any strides (A_STEP 0), or stride 1 along k (A_STEP 1); A_PACKED: panels [k][ROWS]
 * b   stride 1 along n; B_PACKED: panels [k][COLS * VEC]; matmul_pack.cl makes them, with zeros past the edge
 * Global size: row blocks, column blocks, batch * SPLIT. With SPLIT > 1 part s of k goes to
 * parts[SPLIT][batch * m][n]. Accumulators f32. Source: Goto and van de Geijn 2008, the level of registers.
 */
#ifndef VEC
#define VEC 16 /* floats per vector: 1, 2, 4, 8, 16 */
#endif
#ifndef ROWS
#define ROWS 6 /* rows of a tile: 1..14, at most m */
#endif
#ifndef COLS
#define COLS 4 /* vectors of a tile: 1..8 */
#endif
#ifndef SPLIT
#define SPLIT 1 /* parts of k */
#endif
#ifndef A_STEP
#define A_STEP 0 /* stride of a along k: 1, or 0 for an argument */
#endif
#ifndef A_PACKED
#define A_PACKED 0 /* 1: a is in panels */
#endif
#ifndef B_PACKED
#define B_PACKED 0 /* 1: b is in panels */
#endif
#if SPLIT > 1
#define STORE_PARAMS __global float *parts, const ulong parts_offset
#define STORE_ARGS parts, parts_offset
#define STORE_V(row, col, v) VSTORE(v, parts + parts_offset + (row) * n + (col))
#define STORE_S(row, col, v) (parts[parts_offset + (row) * n + (col)] = (v))
#endif
#if A_PACKED
#define A_AT(p) ((p) * ROWS)
#define A_PANEL(i) ((i) * k)
#define A_TOP(i) (i)
#define A_START(r) (r)
#else
#define A_AT(p) ((p) * (A_STEP ? A_STEP : a_step))
#define A_PANEL(i) 0
#define A_TOP(i) min((i), m - ROWS)
#define A_START(r) ((top + (r)) * a_row)
#endif
#if B_PACKED
#define B_AT(p) ((p) * (COLS * VEC))
#define B_PANEL(j) ((j) * k)
#define B_COL(col) (col)
#define B_START(col) ((col) - j)
#else
#define B_AT(p) ((p) * b_row)
#define B_PANEL(j) 0
#define B_COL(col) min((col), n - VEC)
#define B_START(col) (col)
#endif

/* The tile whose corner is (top, j): a and b point at (0, first k). A function of its own, for beside an
 * epilogue the compiler would keep accumulators in memory. */
OUTLINE void NAME(tile)(__global const float *a, __global const float *b, const long top, const long j,
                        const long n, const long k, const long a_row, const long a_step, const long b_row,
                        VF *result)
{
    __global const float *ap[ROWS];
    __global const float *bp[COLS];
    VF acc[ROWS][COLS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) ap[r] = a + A_START(r);
#pragma unroll
    for (int v = 0; v < COLS; v++) {
        bp[v] = b + B_START(B_COL(j + v * VEC));
#pragma unroll
        for (int r = 0; r < ROWS; r++) acc[r][v] = (VF)(0.0f);
    }
    for (long p = 0; p < k; p++) {
        VF line[COLS];
#pragma unroll
        for (int v = 0; v < COLS; v++) line[v] = VLOAD(bp[v] + B_AT(p));
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const VF left = (VF)(ap[r][A_AT(p)]);
#pragma unroll
            for (int v = 0; v < COLS; v++) acc[r][v] = FMA(left, line[v], acc[r][v]);
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
        for (int v = 0; v < COLS; v++) result[r * COLS + v] = acc[r][v];
}

/* Stores a tile's rows from `first` on and columns from j on, by one rolled loop: the epilogue's code exists
 * once. */
OUTLINE void NAME(finish)(const VF *result, const long row, const int first, const int rows, const long j,
                          const long n, STORE_PARAMS)
{
#pragma nounroll
    for (int at = first * COLS; at < rows * COLS; at++) {
        const long own = j + at % COLS * VEC, col = B_COL(own), r = row + at / COLS;
        const VF value = result[at];
        if (own == col && col + VEC <= n) {
            STORE_V(r, col, value);
            continue;
        }
        float lane[VEC];
        VSTORE(value, lane);
        for (long c = own; c < min(col + VEC, n); c++) STORE_S(r, c, lane[c - col]);
    }
}

KERNEL NAME(matmul_cpu)(__global const float *a, const ulong a_offset, __global const float *b,
                        const ulong b_offset, const long m, const long n, const long k, const long a_row,
                        const long a_step, const long b_row, const long batch, const long d1, const long d2,
                        const long a_0, const long a_1, const long a_2, const long b_0, const long b_1,
                        const long b_2, const int row_tiles, const int col_tiles, STORE_PARAMS)
{
    const long matrix = get_global_id(2) % batch, part = get_global_id(2) / batch;
    const long per_part = (k + SPLIT - 1) / SPLIT, k_begin = part * per_part;
    const long k_end = min(k, k_begin + per_part);
    const long i_begin = get_global_id(0) * row_tiles * ROWS, i_end = min(m, i_begin + row_tiles * ROWS);
    const long j_begin = get_global_id(1) * col_tiles * (COLS * VEC);
    const long j_end = min(n, j_begin + col_tiles * (COLS * VEC));
    a += a_offset + BATCH_OFFSET(matrix, d1, d2, a_0, a_1, a_2) + A_AT(k_begin);
    b += b_offset + BATCH_OFFSET(matrix, d1, d2, b_0, b_1, b_2) + B_AT(k_begin);
    for (long j = j_begin; j < j_end; j += COLS * VEC)
        for (long i = i_begin; i < i_end; i += ROWS) {
            const long top = A_TOP(i);
            VF result[ROWS * COLS];
            NAME(tile)(a + A_PANEL(i), b + B_PANEL(j), top, j, n, k_end - k_begin, a_row, a_step, b_row,
                       result);
            NAME(finish)(result, (part * batch + matrix) * m + top, (int)(i - top),
                         (int)min((long)ROWS, m - top), j, n, STORE_ARGS);
        }
}
