/* Copies b[batch, k, n] into panels packed[matrix][n / WIDTH][k][WIDTH], zeros past column n: the form in
 * which matmul_cpu.cl streams it. One work-item: DEPTH rows of PANELS panels; any local size.
 *
 * ALONG  0: b has stride 1 along n, lines are copied.  1: stride 1 along k, VEC x VEC blocks are transposed
 *        in registers by log2(VEC) rounds of interleaving.  2: any strides, element by element.
 */
#ifndef VEC
#define VEC 16
#endif
#ifndef WIDTH
#define WIDTH 32 /* columns of a panel, a multiple of VEC */
#endif
#ifndef DEPTH
#define DEPTH 64 /* rows of k per work-item, a multiple of VEC */
#endif
#ifndef PANELS
#define PANELS 1 /* panels per work-item */
#endif

/* VEC columns at `col`, rows k_begin..k_end. b points at the matrix, to at the panel. */
void NAME(plain)(__global const float *b, __global float *to, const long col, const long k_begin,
                 const long k_end, const long n, const long b_row, const long b_col)
{
    for (long p = k_begin; p < k_end; p++) {
        __global const float *from = b + p * b_row + col * b_col;
#if ALONG == 0
        if (col + VEC <= n) {
            VSTORE(VLOAD(from), to + p * WIDTH);
            continue;
        }
#endif
        for (int l = 0; l < VEC; l++) to[p * WIDTH + l] = col + l < n ? from[l * b_col] : 0.0f;
    }
}

#if ALONG == 1 && VEC > 1
void NAME(transposed)(__global const float *from, __global float *to, const long b_col)
{
    VF x[VEC], y[VEC];
#pragma unroll
    for (int l = 0; l < VEC; l++) x[l] = VLOAD(from + l * b_col);
#pragma unroll
    for (int round = 1; round < VEC; round *= 2) {
#pragma unroll
        for (int l = 0; l < VEC / 2; l++) {
            y[2 * l].even = x[l].lo;
            y[2 * l].odd = x[l + VEC / 2].lo;
            y[2 * l + 1].even = x[l].hi;
            y[2 * l + 1].odd = x[l + VEC / 2].hi;
        }
#pragma unroll
        for (int l = 0; l < VEC; l++) x[l] = y[l];
    }
#pragma unroll
    for (int l = 0; l < VEC; l++) VSTORE(x[l], to + l * WIDTH);
}
#endif

KERNEL NAME(matmul_pack)(__global const float *b, const ulong b_offset, __global float *packed,
                         const ulong packed_offset, const long n, const long k, const long b_row,
                         const long b_col, const long d1, const long d2, const long b_0, const long b_1,
                         const long b_2)
{
    const long matrix = get_global_id(2), panels = (n + WIDTH - 1) / WIDTH;
    const long k_begin = get_global_id(0) * DEPTH, k_end = min(k, k_begin + DEPTH);
    const long first = get_global_id(1) * PANELS, col_end = min(panels, first + PANELS) * WIDTH;
    b += b_offset + BATCH_OFFSET(matrix, d1, d2, b_0, b_1, b_2);
    packed += packed_offset + matrix * panels * k * WIDTH;
    for (long col = first * WIDTH; col < col_end; col += VEC) {
        __global float *to = packed + col / WIDTH * k * WIDTH + col % WIDTH;
        long p = k_begin;
#if ALONG == 1 && VEC > 1
        for (; col + VEC <= n && p + VEC <= k_end; p += VEC)
            NAME(transposed)(b + p + col * b_col, to + p * WIDTH, b_col);
#endif
        NAME(plain)(b, to, col, p, k_end, n, b_row, b_col);
    }
}
