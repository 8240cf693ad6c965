/* c[batch, 1, n] = sum over k of a[batch, 1, k] b[batch, k, n], b with stride 1 along n, for CPUs: memory
 * decides, so that b is read once, in long pieces of its rows.
 *
 *        CHUNK columns
 *   p   |--------------|  four rows of b at a time are added to a line of CHUNK sums,
 *   ... |--------------|  which stays in the first-level cache; then the next four.
 *
 * One work-item: CHUNK columns of one matrix and one part of k; no local memory, any local size.
 * Global size: chunks, batch * SPLIT. With SPLIT > 1 part s of k goes to parts[SPLIT][batch][n]. f32 sums.
 */
#ifndef VEC
#define VEC 16 /* floats per vector */
#endif
#ifndef CHUNK
#define CHUNK 1024 /* columns of a work-item, a multiple of VEC */
#endif
#ifndef SPLIT
#define SPLIT 1 /* parts of k */
#endif
#if SPLIT > 1
#define STORE_PARAMS __global float *parts, const ulong parts_offset
#define STORE_ARGS parts, parts_offset
#define STORE_V(row, col, v) VSTORE(v, parts + parts_offset + (row) * n + (col))
#define STORE_S(row, col, v) (parts[parts_offset + (row) * n + (col)] = (v))
#endif

/* Adds four rows of b to the sums: `full` vectors and `rest` columns behind them. */
static void NAME(four)(__global const float *b, const float4 left, const long b_row, const int full,
                       const int rest, VF *sum, float *tail)
{
    __global const float *b1 = b + b_row, *b2 = b1 + b_row, *b3 = b2 + b_row;
    for (int v = 0; v < full; v++) {
        VF x = FMA((VF)(left.s0), VLOAD(b + v * VEC), sum[v]);
        x = FMA((VF)(left.s1), VLOAD(b1 + v * VEC), x);
        x = FMA((VF)(left.s2), VLOAD(b2 + v * VEC), x);
        sum[v] = FMA((VF)(left.s3), VLOAD(b3 + v * VEC), x);
    }
    for (int c = 0; c < rest; c++) {
        const int at = full * VEC + c;
        const float two = FMA(left.s1, b1[at], FMA(left.s0, b[at], tail[c]));
        tail[c] = FMA(left.s3, b3[at], FMA(left.s2, b2[at], two));
    }
}

static void NAME(one)(__global const float *b, const float left, const int full, const int rest, VF *sum,
                      float *tail)
{
    for (int v = 0; v < full; v++) sum[v] = FMA((VF)(left), VLOAD(b + v * VEC), sum[v]);
    for (int c = 0; c < rest; c++) tail[c] = FMA(left, b[full * VEC + c], tail[c]);
}

KERNEL NAME(matmul_gemv)(__global const float *a, const ulong a_offset, __global const float *b,
                         const ulong b_offset, const long n, const long k, const long a_step,
                         const long b_row, const long batch, const long d1, const long d2, const long a_0,
                         const long a_1, const long a_2, const long b_0, const long b_1, const long b_2,
                         STORE_PARAMS)
{
    const long matrix = get_global_id(1) % batch, part = get_global_id(1) / batch;
    const long per_part = (k + SPLIT - 1) / SPLIT, k_begin = part * per_part;
    const long k_end = min(k, k_begin + per_part), row = part * batch + matrix;
    const long j = get_global_id(0) * CHUNK;
    const int count = (int)min((long)CHUNK, n - j), full = count / VEC, rest = count % VEC;
    VF sum[CHUNK / VEC];
    float tail[VEC];
    a += a_offset + BATCH_OFFSET(matrix, d1, d2, a_0, a_1, a_2);
    b += b_offset + BATCH_OFFSET(matrix, d1, d2, b_0, b_1, b_2) + j;
    for (int v = 0; v < full; v++) sum[v] = (VF)(0.0f);
    for (int c = 0; c < rest; c++) tail[c] = 0.0f;
    long p = k_begin;
    for (; p + 4 <= k_end; p += 4) {
        __global const float *from = a + p * a_step;
        const float4 left = (float4)(from[0], from[a_step], from[2 * a_step], from[3 * a_step]);
        NAME(four)(b + p * b_row, left, b_row, full, rest, sum, tail);
    }
    for (; p < k_end; p++) NAME(one)(b + p * b_row, a[p * a_step], full, rest, sum, tail);
#pragma nounroll
    for (int v = 0; v < full; v++) STORE_V(row, j + v * VEC, sum[v]);
#pragma nounroll
    for (int c = 0; c < rest; c++) STORE_S(row, j + full * VEC + c, tail[c]);
}
