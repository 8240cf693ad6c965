/* Gradient of a depthwise convolution to its weights: partial sums over `lines` lines of dy each.
 *
 *   dw[c, kh, kw] = sum over n, oh, ow of dy[n, oh, ow, c]
 *                   x[n, oh STRIDE_H - PAD_H + kh TAP_H, ow STRIDE_W - PAD_W + kw TAP_W, c]
 *   parts [chunks, CHANNELS, KH, KW], added in their order by conv_sum.cl
 *
 * One work-item owns VEC channels, one line kh of taps and one chunk. It takes STEP neighbouring pixels at
 * a time, with sums of their own, which are added in order at the end. Pixels [FREE_BEGIN, FREE_END) of a
 * line have no tap outside. The last vector of channels starts earlier where it would hang over. Any local
 * size.
 */
#define CHANNEL_BLOCKS ((CHANNELS + VEC - 1) / VEC)
#define COLUMN(ow, kw) ((ow)*STRIDE_W - PAD_W + (kw)*TAP_W)

/* Pixels [begin, end) of a line of dy, one by one, taps outside left out. */
void NAME(edge)(__global const float *dy_line, __global const float *x_line, const int begin, const int end,
                VF acc[STEP][KW])
{
    for (int ow = begin; ow < end; ow++) {
        const VF a = VLOAD(dy_line + ow * CHANNELS);
#pragma unroll
        for (int kw = 0; kw < KW; kw++) {
            const int col = COLUMN(ow, kw);
            if (col >= 0 && col < XW) acc[0][kw] = FMA(a, VLOAD(x_line + col * CHANNELS), acc[0][kw]);
        }
    }
}

KERNEL NAME(conv_depthwise_weights)(__global const float *dy, const ulong dy_offset, __global const float *x,
                                    const ulong x_offset, __global float *parts, const ulong parts_offset,
                                    const long all_lines, const long lines, const long items)
{
    const long item = get_global_id(0);
    if (item >= items) return;
    const int block = (int)(item % CHANNEL_BLOCKS), kh = (int)(item / CHANNEL_BLOCKS % KH);
    const long chunk = item / (CHANNEL_BLOCKS * KH);
    const int c = min(block * VEC, CHANNELS - VEC), skip = block * VEC - c;
    VF acc[STEP][KW];
#pragma unroll
    for (int s = 0; s < STEP; s++)
#pragma unroll
        for (int kw = 0; kw < KW; kw++) acc[s][kw] = (VF)(0.0f);
    dy += dy_offset + c;
    x += x_offset + c;
    for (long line = chunk * lines; line < min(all_lines, (chunk + 1) * lines); line++) {
        const int row = (int)(line % YH) * STRIDE_H - PAD_H + kh * TAP_H;
        if (row < 0 || row >= XH) continue;
        __global const float *dy_line = dy + line * (YW * CHANNELS);
        __global const float *x_line = x + (line / YH * XH + row) * ((long)XW * CHANNELS);
        int ow = FREE_BEGIN;
        NAME(edge)(dy_line, x_line, 0, FREE_BEGIN, acc);
        for (; ow + STEP <= FREE_END; ow += STEP) {
#pragma unroll
            for (int s = 0; s < STEP; s++) {
                const VF a = VLOAD(dy_line + (ow + s) * CHANNELS);
#pragma unroll
                for (int kw = 0; kw < KW; kw++)
                    acc[s][kw] = FMA(a, VLOAD(x_line + COLUMN(ow + s, kw) * CHANNELS), acc[s][kw]);
            }
        }
        NAME(edge)(dy_line, x_line, ow, YW, acc);
    }
    float lanes[VEC];
    __global float *to = parts + parts_offset + ((chunk * CHANNELS + c) * KH + kh) * KW;
#pragma unroll
    for (int kw = 0; kw < KW; kw++) {
        VF sum = acc[0][kw];
#pragma unroll
        for (int s = 1; s < STEP; s++) sum += acc[s][kw];
        VSTORE(sum, lanes);
        for (int lane = skip; lane < VEC; lane++) to[lane * (KH * KW) + kw] = lanes[lane];
    }
}
