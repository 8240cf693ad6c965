/* c[batch, m, n] = sum over k of a[batch, m, k] b[batch, k, n], for GPUs: a work-group brings tiles of a and
 * b to local memory, a work-item holds PATCH x PATCH results in registers.
 *
 *             TILE columns            a group does TILE x TILE results, SIDE x SIDE work-items;
 *          +-----------------+        work-item (x, y) does columns 4 x .. 4 x + 3 and rows 4 y .. 4 y + 3;
 *          | x=0 | x=1 | ... |        with PATCH 8 also those TILE / 2 further on, so that neighbours read
 *   TILE   +-----+-----+-----+        neighbouring words.
 *   rows   | ... |     |     |
 *          +-----------------+
 * Local size (SIDE * SIDE, 1, 1), SIDE = TILE / PATCH. Local memory: DEPTH * (2 TILE + 4) * 4 bytes.
 * Global size: tiles along n * SIDE^2, tiles along m, batch * SPLIT. With SPLIT > 1 part s of k goes to
 * parts[SPLIT][batch * m][n]. Any strides; A_ALONG_K, B_ALONG_K say which axis of a and b neighbours read.
 * Every loop that runs per step of k is written out, since some drivers count iterations. Accumulators f32.
 * Source: Volkov and Demmel 2008.
 */
#ifndef TILE
#define TILE 64 /* 32, 64, 128: results of a group, squared */
#endif
#ifndef PATCH
#define PATCH 4 /* 4, 8: results of a work-item, squared */
#endif
#ifndef DEPTH
#define DEPTH 16 /* steps of k in local memory: 8, 16, 32 */
#endif
#ifndef SPLIT
#define SPLIT 1 /* parts of k */
#endif
#define SIDE (TILE / PATCH)
#define ITEMS (SIDE * SIDE)
#define PITCH (TILE + 4) /* of a's tile: spreads its columns over the banks */
#if SPLIT > 1
#define STORE_PARAMS __global float *parts, const ulong parts_offset
#define STORE_ARGS parts, parts_offset
#define STORE_V(row, col, v) VSTORE(v, parts + parts_offset + (row) * n + (col))
#define STORE_S(row, col, v) (parts[parts_offset + (row) * n + (col)] = (v))
#endif

/* DEPTH x TILE elements to local memory, zeros outside; `line` counts rows of a or columns of b. */
void NAME(fetch)(__global const float *from, __local float *to, const int item, const int along_k,
                 const int pitch, const long line_begin, const long lines, const long line_stride,
                 const long k_begin, const long k_end, const long k_stride)
{
    for (int at = item; at < DEPTH * TILE; at += ITEMS) {
        const int line = along_k ? at / DEPTH : at % TILE, p = along_k ? at % DEPTH : at / TILE;
        const int inside = line_begin + line < lines && k_begin + p < k_end;
        float value = 0.0f;
        if (inside) value = from[(line_begin + line) * line_stride + (k_begin + p) * k_stride];
        to[p * pitch + line] = value;
    }
}

void NAME(store)(const long row, const long row_end, const long col, const long n, const float4 value,
                 STORE_PARAMS)
{
    if (row >= row_end) return;
    if (col + 4 <= n) {
        STORE_V(row, col, value);
        return;
    }
    if (col < n) STORE_S(row, col, value.x);
    if (col + 1 < n) STORE_S(row, col + 1, value.y);
    if (col + 2 < n) STORE_S(row, col + 2, value.z);
}

#if PATCH == 8
#define EACH_COLUMN(f, r, x) f(r, 0, x) f(r, 1, x)
#define EACH_ROW(f)                                                                                          \
    EACH_COLUMN(f, 0, a0.x) EACH_COLUMN(f, 1, a0.y) EACH_COLUMN(f, 2, a0.z) EACH_COLUMN(f, 3, a0.w)          \
    EACH_COLUMN(f, 4, a1.x) EACH_COLUMN(f, 5, a1.y) EACH_COLUMN(f, 6, a1.z) EACH_COLUMN(f, 7, a1.w)
#else
#define EACH_ROW(f) f(0, 0, a0.x) f(1, 0, a0.y) f(2, 0, a0.z) f(3, 0, a0.w)
#endif
#define CLEAR(r, v, x) float4 c##r##v = (float4)(0.0f);
#define MULTIPLY(r, v, x) c##r##v = FMA((float4)(x), b##v, c##r##v);
#define HAND_OVER(r, v, x)                                                                                   \
    NAME(store)(first + r / 4 * (TILE / 2) + r % 4, row_end, col + v * (TILE / 2), n, c##r##v, STORE_ARGS);

KERNEL NAME(matmul_gpu)(__global const float *a, const ulong a_offset, __global const float *b,
                        const ulong b_offset, const long m, const long n, const long k, const long a_row,
                        const long a_step, const long b_row, const long b_col, const long batch,
                        const long d1, const long d2, const long a_0, const long a_1, const long a_2,
                        const long b_0, const long b_1, const long b_2, STORE_PARAMS)
{
    __local float left[DEPTH * PITCH], right[DEPTH * TILE];
    const int item = get_local_id(0), x = item % SIDE * 4, y = item / SIDE * 4;
    const long i = GROUP_ID(1) * TILE, j = GROUP_ID(0) * TILE;
    const long matrix = GROUP_ID(2) % batch, part = GROUP_ID(2) / batch;
    const long per_part = (k + SPLIT - 1) / SPLIT, k_begin = part * per_part;
    const long k_end = min(k, k_begin + per_part);
    a += a_offset + BATCH_OFFSET(matrix, d1, d2, a_0, a_1, a_2);
    b += b_offset + BATCH_OFFSET(matrix, d1, d2, b_0, b_1, b_2);
    EACH_ROW(CLEAR)
    for (long p0 = k_begin; p0 < k_end; p0 += DEPTH) {
        NAME(fetch)(a, left, item, A_ALONG_K, PITCH, i, m, a_row, p0, k_end, a_step);
        NAME(fetch)(b, right, item, B_ALONG_K, TILE, j, n, b_col, p0, k_end, b_row);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int p = 0; p < DEPTH; p++) {
            const float4 a0 = vload4(0, left + p * PITCH + y), b0 = vload4(0, right + p * TILE + x);
#if PATCH == 8
            const float4 a1 = vload4(0, left + p * PITCH + y + TILE / 2);
            const float4 b1 = vload4(0, right + p * TILE + x + TILE / 2);
#endif
            EACH_ROW(MULTIPLY)
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const long rows_before = (part * batch + matrix) * m, first = rows_before + i + y;
    const long row_end = rows_before + m, col = j + x;
    EACH_ROW(HAND_OVER)
}
