/* c[batch, m, n] = sum over k of a[batch, m, k] b[batch, k, n] where both a and b have stride 1 along k, for
 * CPUs: few rows or few columns, for which packing b into panels costs more than the product.
 * One work-item: ROWS x COLS results as vectors of partial sums along k, added up at the end; any local size.
 *
 * Tiles that would pass the edge are moved back inside (m >= ROWS, n >= COLS) and store only what is theirs.
 * Global size: tiles along m, tiles along n, batch. Accumulators f32.
 */
#ifndef VEC
#define VEC 16 /* floats per vector */
#endif
#ifndef ROWS
#define ROWS 4 /* rows of a tile: at most m */
#endif
#ifndef COLS
#define COLS 5 /* columns of a tile: at most n */
#endif

/* The last, incomplete vector of a line, filled up with zeros. */
VF NAME(rest)(__global const float *from, const long count)
{
    float lane[VEC];
    for (int l = 0; l < VEC; l++) lane[l] = 0.0f;
    for (int l = 0; l < count; l++) lane[l] = from[l];
    return VLOAD(lane);
}

float NAME(total)(const VF v)
{
    float lane[VEC];
    VSTORE(v, lane);
#pragma unroll
    for (int width = VEC / 2; width > 0; width /= 2)
#pragma unroll
        for (int l = 0; l < width; l++) lane[l] += lane[l + width];
    return lane[0];
}

#define LINE(from) (p + VEC <= k ? VLOAD((from) + p) : NAME(rest)((from) + p, k - p))

KERNEL NAME(matmul_dot)(__global const float *a, const ulong a_offset, __global const float *b,
                        const ulong b_offset, const long m, const long n, const long k, const long a_row,
                        const long b_col, const long batch, const long d1, const long d2, const long a_0,
                        const long a_1, const long a_2, const long b_0, const long b_1, const long b_2,
                        STORE_PARAMS)
{
    const long matrix = get_global_id(2), i = get_global_id(0) * ROWS, j = get_global_id(1) * COLS;
    const long top = min(i, m - ROWS), begin = min(j, n - COLS);
    VF acc[ROWS][COLS];
    a += a_offset + BATCH_OFFSET(matrix, d1, d2, a_0, a_1, a_2) + top * a_row;
    b += b_offset + BATCH_OFFSET(matrix, d1, d2, b_0, b_1, b_2) + begin * b_col;
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
        for (int c = 0; c < COLS; c++) acc[r][c] = (VF)(0.0f);
    for (long p = 0; p < k; p += VEC) {
        VF right[COLS];
#pragma unroll
        for (int c = 0; c < COLS; c++) right[c] = LINE(b + c * b_col);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const VF left = LINE(a + r * a_row);
#pragma unroll
            for (int c = 0; c < COLS; c++) acc[r][c] = FMA(left, right[c], acc[r][c]);
        }
    }
    /* Stored by one rolled loop: the epilogue's code exists once. */
    float result[ROWS * COLS];
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
        for (int c = 0; c < COLS; c++) result[r * COLS + c] = NAME(total)(acc[r][c]);
#pragma nounroll
    for (int r = (int)(i - top); r < ROWS; r++)
#pragma nounroll
        for (int c = (int)(j - begin); c < COLS; c++)
            STORE_S(matrix * m + top + r, begin + c, result[r * COLS + c]);
}
