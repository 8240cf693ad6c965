/* Depthwise convolution over NHWC: each channel has one filter and makes one channel.
 *
 *   PASS 0  y[n, h, w, c] = sum over kh, kw of packed[kh, kw, c]
 *                           x[n, h STRIDE_H - PAD_H + kh TAP_H, w STRIDE_W - PAD_W + kw TAP_W, c]
 *   PASS 1  the gradient to x: y is dx, x is dy, read where (h + PAD_H - kh TAP_H) / STRIDE_H is a place
 *           of it, and the same along w
 *
 * y is [n, YH, YW, CHANNELS], x [n, XH, XW, CHANNELS], both dense. One work-item owns `tiles` tiles of TILE
 * neighbouring pixels of a line and VEC channels; neighbours own neighbouring channels. Tiles [FREE_BEGIN,
 * FREE_END) of a line have no tap outside. The last vector of channels starts earlier where it would hang
 * over, and leaves out what the one before has. PASS 1: TILE is a multiple of STRIDE_W, so that which tap
 * meets which pixel is known at compile time. Any local size, no local memory. f32 sums.
 */
#define CHANNEL_BLOCKS ((CHANNELS + VEC - 1) / VEC)
#define TILES          ((YW + TILE - 1) / TILE)
#if PASS == 0
#define SOURCE_ROW(kh)  (h * STRIDE_H - PAD_H + (kh)*TAP_H)
#define ROW_MEETS(kh)   1
#define COLUMN(t, kw)   ((j0 + (t)) * STRIDE_W - PAD_W + (kw)*TAP_W)
#define PIXEL_MEETS(t, kw) 1
#else
#define SOURCE_ROW(kh)  ((h + PAD_H - (kh)*TAP_H) / STRIDE_H)
#define ROW_MEETS(kh)   (h + PAD_H >= (kh)*TAP_H && (h + PAD_H - (kh)*TAP_H) % STRIDE_H == 0)
#define COLUMN(t, kw)   (j0 / STRIDE_W + ((t) + PAD_W - (kw)*TAP_W) / STRIDE_W)
#define PIXEL_MEETS(t, kw) (((t) + PAD_W - (kw)*TAP_W) % STRIDE_W == 0)
#endif

/* Pixels j0 .. j0 + TILE of line h; `edge` 0: all exist, and so do all their taps. */
void NAME(tile)(__global const float *image, __global const float *weights, const long line, const int h,
                const int j0, const int edge, const int c, const int skip, STORE_PARAMS)
{
    VF acc[TILE];
#pragma unroll
    for (int t = 0; t < TILE; t++) acc[t] = (VF)(0.0f);
    for (int kh = 0; kh < KH; kh++) {
        if (!ROW_MEETS(kh)) continue;
        const int row = SOURCE_ROW(kh);
        if (row < 0 || row >= XH) continue;
        __global const float *from = image + (long)row * (XW * CHANNELS);
#pragma unroll
        for (int kw = 0; kw < KW; kw++) {
            const VF b = VLOAD(weights + (kh * KW + kw) * CHANNELS);
#pragma unroll
            for (int t = 0; t < TILE; t++) {
                if (!PIXEL_MEETS(t, kw)) continue;
                const int col = COLUMN(t, kw);
                if (edge && (j0 + t >= YW || col < 0 || col >= XW)) continue;
                acc[t] = FMA(VLOAD(from + col * CHANNELS), b, acc[t]);
            }
        }
    }
    const long pixel0 = line * YW + j0;
    if (skip == 0) {
#pragma unroll
        for (int t = 0; t < TILE; t++)
            if (!edge || j0 + t < YW) {
                STORE_V(pixel0 + t, c, acc[t]);
            }
        return;
    }
    float lanes[TILE * VEC];
#pragma unroll
    for (int t = 0; t < TILE; t++) VSTORE(acc[t], lanes + t * VEC);
    for (int t = 0; t < min(TILE, YW - j0); t++)
        for (int lane = skip; lane < VEC; lane++) {
            STORE_S(pixel0 + t, c + lane, lanes[t * VEC + lane]);
        }
}

KERNEL NAME(conv_depthwise)(__global const float *x, const ulong x_offset, __global const float *packed,
                            const ulong packed_offset, const long lines, const long tiles, STORE_PARAMS)
{
    const int block = (int)(get_global_id(0) % CHANNEL_BLOCKS);
    const int c = min(block * VEC, CHANNELS - VEC), skip = block * VEC - c;
    const long first = (long)(get_global_id(0) / CHANNEL_BLOCKS) * tiles;
    const long end = min(first + tiles, lines * TILES);
    __global const float *weights = packed + packed_offset + c;
    for (long at = first; at < end; at++) {
        const long line = at / TILES;
        const int i = (int)(at % TILES);
        __global const float *image = x + x_offset + line / YH * ((long)XH * XW * CHANNELS) + c;
        if (i >= FREE_BEGIN && i < FREE_END)
            NAME(tile)(image, weights, line, (int)(line % YH), i * TILE, 0, c, skip, STORE_ARGS);
        else
            NAME(tile)(image, weights, line, (int)(line % YH), i * TILE, 1, c, skip, STORE_ARGS);
    }
}
