/* Direct convolution for CPUs, forward and gradient to x, without unfolding.
 *
 *   y[n, h, w, g COLS + j] = sum over kh, kw, d of packed[g, kh, kw, d, j]
 *       x'[n, h STRIDE_H - PAD_H + kh TAP_H, w STRIDE_W - PAD_W + kw TAP_W, d]
 *   x'[.., i, j, ..] = x[.., i / DILATE_H, j / DILATE_W, ..] where both divide, else 0; 0 outside
 *
 * Forward: DILATE 1. Gradient to x: STRIDE 1, DILATE the forward stride, weights flipped by conv_pack.cl,
 * PAD (kernel - 1) TAP - padding. A stride is 1 wherever DILATE is not, and the other way round.
 *
 * One work-item (local size 1) owns `lines` lines of y by one block of WIDTH = NV VEC channels. It goes by
 * tiles of TILE pixels x WIDTH, in registers; a multiply-add takes one value of x for each pixel and WIDTH
 * weights.
 *
 * IN_PLACE 1: x is read where it lies. The first and the last tile of a line have code of their own, in which
 *   pixels whose tap lies outside are left out at compile time; tiles between have no edges.
 * IN_PLACE 0 (DILATE > 1, or borders wider than a tile): each line of x that a tile touches is first copied
 *   to private memory with its zero borders, LINE pixels x DEPTH_BLOCK channels. With DILATE_W > 1 a tile
 *   holds every DILATE_W-th pixel: those share their taps.
 * STORE_TILE 1: the tile is stored from its registers; no channels may be left over then, and the epilogue's
 *   code is there TILE NV times.
 * f32 sums.
 */
#ifndef TILE
#define TILE 14 /* pixels of a register tile: 1 .. 28 / NV */
#endif
#define WIDTH (NV * VEC)
#define SPAN  ((KW - 1) * TAP_W + 1) /* pixels of x from the first to the last tap */
#define LINE  ((TILE - 1) * STRIDE_W + (SPAN + DILATE_W - 2) / DILATE_W + 1)
#if TAP_W == 1 && ((IN_PLACE && PAD_W == 0 && GROUPS == 1) || (!IN_PLACE && DILATE_W == 1))
#define RUN  (KW * DEPTH_BLOCK) /* all taps of a line lie one behind the other: one loop */
#define RUNS 1
#else
#define RUN  DEPTH_BLOCK
#define RUNS KW
#endif
#define TILES ((YW + TILE - 1) / TILE)

#if IN_PLACE
#define PIXEL_STEP (STRIDE_W * GROUPS * DEPTH)
#define COLUMN(t)  ((j0 + (t)) * STRIDE_W - PAD_W + run * TAP_W)
#define INSIDE(t)  (!edge || (j0 + (t) < YW && COLUMN(t) >= 0 && COLUMN(t) < XW))
#else
#define PIXEL_STEP (STRIDE_W * DEPTH_BLOCK)
#define INSIDE(t)  1

/* Columns [first, first + LINE) of one line of x, channels [depth, depth + DEPTH_BLOCK), zero outside. */
void NAME(copy_line)(__global const float *line_of_x, const int first, const int depth, float *line)
{
    const int left = clamp(-first, 0, LINE), right = clamp(XW - first, left, LINE);
    const int channels = min(DEPTH - depth, DEPTH_BLOCK);
    for (int i = 0; i < left * DEPTH_BLOCK; i++) line[i] = 0.0f;
    for (int i = right * DEPTH_BLOCK; i < LINE * DEPTH_BLOCK; i++) line[i] = 0.0f;
    for (int col = left; col < right; col++) {
        __global const float *from = line_of_x + (long)(first + col) * (GROUPS * DEPTH) + depth;
        float *to = line + col * DEPTH_BLOCK;
        int i = 0;
        for (; i + VEC <= channels; i += VEC) VSTORE(VLOAD(from + i), to + i);
        for (; i < channels; i++) to[i] = from[i];
        for (; i < DEPTH_BLOCK; i++) to[i] = 0.0f;
    }
}
#endif

/* acc += RUN steps: one value of each pixel times WIDTH weights. */
#define ACCUMULATE(line, weights)                                                                            \
    for (int k = 0; k < RUN; k++) {                                                                          \
        VF b[NV];                                                                                            \
        _Pragma("unroll") for (int v = 0; v < NV; v++) b[v] = VLOAD((weights) + k * WIDTH + v * VEC);        \
        _Pragma("unroll") for (int t = 0; t < TILE; t++) {                                                   \
            if (!(INSIDE(t))) continue;                                                                      \
            const VF a = (VF)((line)[t * PIXEL_STEP + k]);                                                   \
            _Pragma("unroll") for (int v = 0; v < NV; v++) acc[t][v] = FMA(a, b[v], acc[t][v]);              \
        }                                                                                                    \
    }

/* Pixels phase + (j0 .. j0 + TILE) DILATE_W of line h of image n, as far as they exist.
 * `edge` 0: no tap lies outside. */
void NAME(tile)(__global const float *x, __global const float *weights, const long n, const int h,
                const int phase, const int j0, const int edge, const int col, STORE_PARAMS)
{
    VF acc[TILE][NV];
#pragma unroll
    for (int t = 0; t < TILE; t++)
#pragma unroll
        for (int v = 0; v < NV; v++) acc[t][v] = (VF)(0.0f);
#if !IN_PLACE
    float line[LINE * DEPTH_BLOCK];
    /* Column of x under tap 0 of pixel j0, rounded down. DILATE_W added: no division of negatives. */
    const int shift = (phase - PAD_W + SPAN * DILATE_W) / DILATE_W - SPAN;
#endif
    for (int kh = 0; kh < KH; kh++) {
        const int row = h * STRIDE_H - PAD_H + kh * TAP_H;
        if (row < 0 || row % DILATE_H != 0 || row / DILATE_H >= XH) continue;
        __global const float *line_of_x = x + (n * XH + row / DILATE_H) * ((long)XW * GROUPS * DEPTH);
#if IN_PLACE
        __global const float *taps = weights + (long)kh * (KW * DEPTH * WIDTH);
#pragma unroll
        for (int run = 0; run < RUNS; run++) {
            __global const float *line = line_of_x + COLUMN(0) * (GROUPS * DEPTH);
            ACCUMULATE(line, taps + run * RUN * WIDTH)
        }
#else
        for (int block = 0; block < DEPTH_BLOCKS; block++) {
            __global const float *taps =
                weights + ((long)kh * DEPTH_BLOCKS + block) * (KW * DEPTH_BLOCK * WIDTH);
            NAME(copy_line)(line_of_x, j0 * STRIDE_W + shift, block * DEPTH_BLOCK, line);
            for (int run = 0; run < RUNS; run++) {
                const int at = phase - PAD_W + run * TAP_W - shift * DILATE_W;
                if (at % DILATE_W != 0) continue;
                ACCUMULATE(line + at / DILATE_W * DEPTH_BLOCK, taps + run * RUN * WIDTH)
            }
        }
#endif
    }
    const long pixel0 = (n * YH + h) * YW + phase + j0 * DILATE_W;
#if STORE_TILE
#pragma unroll
    for (int t = 0; t < TILE; t++)
        if (!edge || j0 + t < YW)
#pragma unroll
            for (int v = 0; v < NV; v++) {
                STORE_V(pixel0 + t * DILATE_W, col + v * VEC, acc[t][v]);
            }
#else
    float result[TILE * WIDTH];
#pragma unroll
    for (int t = 0; t < TILE; t++)
#pragma unroll
        for (int v = 0; v < NV; v++) VSTORE(acc[t][v], result + t * WIDTH + v * VEC);
    const int lanes = min(WIDTH, COLS - col % COLS);
    const int count = min(TILE, (YW - phase + DILATE_W - 1) / DILATE_W - j0);
    for (int t = 0; t < count; t++) {
        int lane = 0;
        for (; lane + VEC <= lanes; lane += VEC) {
            STORE_V(pixel0 + t * DILATE_W, col + lane, VLOAD(result + t * WIDTH + lane));
        }
        for (; lane < lanes; lane++) {
            STORE_S(pixel0 + t * DILATE_W, col + lane, result[t * WIDTH + lane]);
        }
    }
#endif
}

/* One line of y. */
void NAME(tiles)(__global const float *x, __global const float *weights, const long n, const int h,
                 const int col, STORE_PARAMS)
{
#if IN_PLACE
    NAME(tile)(x, weights, n, h, 0, 0, 1, col, STORE_ARGS);
    for (int i = 1; i < TILES - 1; i++) NAME(tile)(x, weights, n, h, 0, i * TILE, 0, col, STORE_ARGS);
#if TILES > 1
    NAME(tile)(x, weights, n, h, 0, (TILES - 1) * TILE, 1, col, STORE_ARGS);
#endif
#else
    for (int phase = 0; phase < DILATE_W && phase < YW; phase++)
        for (int j0 = 0; phase + j0 * DILATE_W < YW; j0 += TILE)
            NAME(tile)(x, weights, n, h, phase, j0, 0, col, STORE_ARGS);
#endif
}

KERNEL NAME(conv_cpu)(__global const float *x, const ulong x_offset, __global const float *packed,
                      const ulong packed_offset, const long lines_of_y, const int lines, STORE_PARAMS)
{
#if CHANNELS_FIRST
    const int piece = get_global_id(0), chunk = get_global_id(1);
#else
    const int piece = get_global_id(1), chunk = get_global_id(0);
#endif
    const int block = piece % BLOCKS, group = piece / BLOCKS;
    const long end = min(lines_of_y, (long)(chunk + 1) * lines);
    __global const float *weights =
        packed + packed_offset + (long)piece * (KH * DEPTH_BLOCKS * KW * DEPTH_BLOCK * WIDTH);
    __global const float *x_group = x + x_offset + group * DEPTH;
    for (long at = (long)chunk * lines; at < end; at++)
        NAME(tiles)(x_group, weights, at / YH, (int)(at % YH), group * COLS + block * WIDTH, STORE_ARGS);
}
