/* c[batch, m, n] = sum over k of a[batch, m, k] b[batch, k, n] for any shape, strides and device: one
 * work-item, one element; any local size, no local memory. Slow and right: what the others refuse.
 *
 * Global size: batch * m * n, SPLIT. With SPLIT > 1 part s of k goes to parts[SPLIT][batch * m][n]. f32 sums.
 */
#ifndef SPLIT
#define SPLIT 1 /* parts of k */
#endif
#if SPLIT > 1
#define STORE_PARAMS __global float *parts, const ulong parts_offset
#define STORE_S(row, col, v) (parts[parts_offset + (row) * n + (col)] = (v))
#endif

KERNEL NAME(matmul_general)(__global const float *a, const ulong a_offset, __global const float *b,
                            const ulong b_offset, const long m, const long n, const long k, const long a_row,
                            const long a_step, const long b_row, const long b_col, const long batch,
                            const long d1, const long d2, const long a_0, const long a_1, const long a_2,
                            const long b_0, const long b_1, const long b_2, STORE_PARAMS)
{
    const long index = get_global_id(0), part = get_global_id(1);
    const long per_part = (k + SPLIT - 1) / SPLIT, k_begin = part * per_part;
    const long k_end = min(k, k_begin + per_part);
    if (index >= batch * m * n) return;
    const long col = index % n, row = index / n, matrix = row / m;
    a += a_offset + BATCH_OFFSET(matrix, d1, d2, a_0, a_1, a_2) + row % m * a_row;
    b += b_offset + BATCH_OFFSET(matrix, d1, d2, b_0, b_1, b_2) + col * b_col;
    float sum = 0.0f;
    for (long p = k_begin; p < k_end; p++) sum = FMA(a[p * a_step], b[p * b_row], sum);
    STORE_S(part * batch * m + row, col, sum);
}
