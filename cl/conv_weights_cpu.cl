/* Gradient of a convolution to its weights, for CPUs: partial sums over `images` images each.
 *
 *   dw[o, kh, kw, i] = sum over n, oh, ow of
 *                  dy[n, oh, ow, o] x[n, oh STRIDE_H + kh TAP_H - PAD_H, ow STRIDE_W + kw TAP_W - PAD_W, i]
 *
 * One work-item (local size 1) owns a register tile of TILE_ROWS x TILE depth elements (broadcast from x) by
 * WIDTH = NV VEC output channels (vectors of dy) and runs over the pixels of its images.
 * The depth is (kh, e):
 *
 *   FLAT 0: e is a channel of one tap (kh, kw), TILE_ROWS is 1; x is read in place, and the tap's range of
 *           pixels leaves the borders out.
 *   FLAT 1: (few channels, TAP_W 1) e runs over a whole line of taps (kw, i), which lies contiguously in a
 *           line of x; where there are borders, TILE_ROWS lines are copied to private memory with them for each
 *           line of dy.
 *
 * A tile that would hang over starts earlier instead; conv_weights_sum.cl takes each element from one tile.
 *   parts [chunks, GROUPS, DEPTH_TILES, BLOCKS, TILE_ROWS, TILE, WIDTH]
 */
#define WIDTH    (NV * VEC)
#define OUT      (GROUPS * OUT_GROUP)
#define CHANNELS (GROUPS * IN_GROUP)
#if FLAT
#define RUN  (KW * IN_GROUP)
#define LINE (((YW - 1) * STRIDE_W + KW) * IN_GROUP)
#else
#define RUN IN_GROUP
#endif
#define TILES_OF_RUN ((RUN + TILE - 1) / TILE)

/* acc += over `pixels` pixels: TILE_ROWS x TILE values of x, `step` between rows, times WIDTH of dy. */
#define ACCUMULATE(x_first, row_step, pixel_step, dy_first, pixels)                                          \
    for (int p = 0; p < (pixels); p++) {                                                                     \
        VF b[NV];                                                                                            \
        _Pragma("unroll") for (int v = 0; v < NV; v++) b[v] = VLOAD((dy_first) + p * OUT + v * VEC);         \
        _Pragma("unroll") for (int r = 0; r < TILE_ROWS; r++)                                                \
            _Pragma("unroll") for (int t = 0; t < TILE; t++) {                                               \
                const VF a = (VF)((x_first)[p * (pixel_step) + r * (row_step) + t]);                         \
                _Pragma("unroll") for (int v = 0; v < NV; v++)                                               \
                    acc[r * TILE + t][v] = FMA(a, b[v], acc[r * TILE + t][v]);                               \
            }                                                                                                \
    }

/* No borders, and the taps of a line lie one behind the other. */
#define IN_PLACE (PAD_H == 0 && PAD_W == 0 && GROUPS == 1)
#if FLAT && !IN_PLACE
/* Line h of one image of x with its zero borders. */
void NAME(copy_line)(__global const float *x, const int h, float *line)
{
    const int inside = h >= 0 && h < XH;
    const int left = inside ? min(PAD_W * IN_GROUP, LINE) : LINE,
              right = clamp((XW + PAD_W) * IN_GROUP, left, LINE);
    __global const float *from = x + (long)h * (XW * CHANNELS);
    int i = 0;
    for (; i < left; i++) line[i] = 0.0f;
#if GROUPS == 1
    from -= PAD_W * IN_GROUP;
    for (; i + VEC <= right; i += VEC) VSTORE(VLOAD(from + i), line + i);
    for (; i < right; i++) line[i] = from[i];
#else
    for (; i < right; i++) line[i] = from[(i / IN_GROUP - PAD_W) * CHANNELS + i % IN_GROUP];
#endif
    for (; i < LINE; i++) line[i] = 0.0f;
}
#endif

KERNEL NAME(conv_weights_cpu)(__global const float *dy, const ulong dy_offset, __global const float *x,
                              const ulong x_offset, __global float *parts, const ulong parts_offset,
                              const int n, const int images)
{
    const int block = get_global_id(0) % BLOCKS, tile = get_global_id(0) / BLOCKS % DEPTH_TILES;
    const int group = get_global_id(0) / (BLOCKS * DEPTH_TILES), chunk = get_global_id(1);
    const int first = chunk * images, last = min(n, first + images);
    const int start = min(tile % TILES_OF_RUN * TILE, RUN - TILE);
    VF acc[TILE_ROWS * TILE][NV];
#pragma unroll
    for (int t = 0; t < TILE_ROWS * TILE; t++)
#pragma unroll
        for (int v = 0; v < NV; v++) acc[t][v] = (VF)(0.0f);
    dy += dy_offset + group * OUT_GROUP + min(block * WIDTH, OUT_GROUP - WIDTH);
    x += x_offset + group * IN_GROUP;
#if FLAT
    const int kh = min(tile / TILES_OF_RUN * TILE_ROWS, KH - TILE_ROWS);
#if !IN_PLACE
    float lines[TILE_ROWS * LINE];
#endif
    for (int image = first; image < last; image++)
        for (int oh = 0; oh < YH; oh++) {
            __global const float *dy_line = dy + ((long)image * YH + oh) * (YW * OUT);
            __global const float *x_image = x + (long)image * (XH * XW * CHANNELS);
#if IN_PLACE
            __global const float *x_line = x_image + (oh * STRIDE_H + kh * TAP_H) * (XW * IN_GROUP) + start;
            ACCUMULATE(x_line, TAP_H * XW * IN_GROUP, STRIDE_W * IN_GROUP, dy_line, YW)
#else
            for (int r = 0; r < TILE_ROWS; r++)
                NAME(copy_line)(x_image, oh * STRIDE_H - PAD_H + (kh + r) * TAP_H, lines + r * LINE);
            ACCUMULATE(lines + start, LINE, STRIDE_W * IN_GROUP, dy_line, YW)
#endif
        }
#else
    const int kh = tile / (TILES_OF_RUN * KW), kw = tile / TILES_OF_RUN % KW;
    /* Pixels whose tap lies inside x: first and last place of the tap's pixel 0 in x, rounded inwards. */
    const int up = PAD_H - kh * TAP_H, back = PAD_W - kw * TAP_W;
    const int top = max(0, (up + STRIDE_H - 1) / STRIDE_H), left = max(0, (back + STRIDE_W - 1) / STRIDE_W);
    const int bottom = XH - 1 + up < 0 ? 0 : min(YH, (XH - 1 + up) / STRIDE_H + 1);
    const int right = XW - 1 + back < 0 ? 0 : min(YW, (XW - 1 + back) / STRIDE_W + 1);
    for (int image = first; image < last; image++)
        for (int oh = top; oh < bottom; oh++) {
            __global const float *dy_line = dy + (((long)image * YH + oh) * YW + left) * OUT;
            __global const float *x_line =
                x + start +
                (((long)image * XH + oh * STRIDE_H - up) * XW + left * STRIDE_W - back) * CHANNELS;
            ACCUMULATE(x_line, 0, STRIDE_W * CHANNELS, dy_line, right - left)
        }
#endif
    __global float *to = parts + parts_offset +
                         (((long)chunk * GROUPS + group) * (DEPTH_TILES * BLOCKS) + tile * BLOCKS + block) *
                             (TILE_ROWS * TILE * WIDTH);
#pragma unroll
    for (int t = 0; t < TILE_ROWS * TILE; t++)
#pragma unroll
        for (int v = 0; v < NV; v++) VSTORE(acc[t][v], to + t * WIDTH + v * VEC);
}
