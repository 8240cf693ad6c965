/* The transforms of Winograd's convolution with 3 x 3 taps, put before the kernels of conv_winograd*.cl. No kernel.
 *
 *   y = A^T [(G w G^T) (B^T x B)] A for tiles of TILE_H x TILE_W results, 2 or 4 each way: tiles of x have two
 *   lines and columns more, POINTS_H x POINTS_W. (S. Winograd, Arithmetic complexity of computations, 1980;
 *   A. Lavin, S. Gray, Fast algorithms for convolutional neural networks, 2016.)
 *
 * 2 results: points 0, 1, -1 and infinity. 4 results: 0, +-sqrt 1/2, +-sqrt 2 and infinity, which round several
 * times less than 0, +-1, +-2.
 *
 * The transforms run along one axis of a tile in private memory, whose elements lie `step` and `to_step` apart:
 * SPREAD is B^T, WEIGH G, GATHER A^T; UNGATHER is A, UNWEIGH G^T, of the gradient to w.
 */
#ifndef TILE_H
#define TILE_H 4 /* results of a tile: 2 or 4 */
#endif
#ifndef TILE_W
#define TILE_W 4
#endif
#define POINTS_H  (TILE_H + 2)
#define POINTS_W  (TILE_W + 2)
#define POINTS    (POINTS_H * POINTS_W)
#define ROOT      1.41421356f
#define HALF_ROOT 0.707106781f
/* Called with constant steps only: the tiles are registers, or lie in the first cache. */
#define INLINE         static inline __attribute__((always_inline))
#define MADD(c, x, y)  FMA((VF)(c), x, y)
#define SPREAD(size)   CLG_CAT(NAME(spread), CLG_CAT(_, size))
#define WEIGH(size)    CLG_CAT(NAME(weigh), CLG_CAT(_, size))
#define GATHER(size)   CLG_CAT(NAME(gather), CLG_CAT(_, size))
#define UNGATHER(size) CLG_CAT(NAME(ungather), CLG_CAT(_, size))
#define UNWEIGH(size)  CLG_CAT(NAME(unweigh), CLG_CAT(_, size))

INLINE void SPREAD(2)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF d0 = from[0], d1 = from[step], d2 = from[2 * step], d3 = from[3 * step];
    to[0] = d0 - d2;
    to[to_step] = d1 + d2;
    to[2 * to_step] = d2 - d1;
    to[3 * to_step] = d3 - d1;
}

INLINE void SPREAD(4)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF d0 = from[0], d1 = from[step], d2 = from[2 * step];
    const VF d3 = from[3 * step], d4 = from[4 * step], d5 = from[5 * step];
    const VF odd_near = MADD(-2.0f, d1, d3), even_near = MADD(-2.0f, d2, d4);
    const VF odd_far = MADD(-0.5f, d1, d3), even_far = MADD(-0.5f, d2, d4);
    to[0] = MADD(-2.5f, d2, d0 + d4);
    to[to_step] = MADD(HALF_ROOT, odd_near, even_near);
    to[2 * to_step] = MADD(-HALF_ROOT, odd_near, even_near);
    to[3 * to_step] = MADD(ROOT, odd_far, even_far);
    to[4 * to_step] = MADD(-ROOT, odd_far, even_far);
    to[5 * to_step] = MADD(-2.5f, d3, d1 + d5);
}

INLINE void WEIGH(2)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF w0 = from[0], w1 = from[step], w2 = from[2 * step], even = 0.5f * (w0 + w2);
    to[0] = w0;
    to[to_step] = MADD(0.5f, w1, even);
    to[2 * to_step] = MADD(-0.5f, w1, even);
    to[3 * to_step] = w2;
}

INLINE void WEIGH(4)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF w0 = from[0], w1 = from[step], w2 = from[2 * step];
    const VF even_near = -0.666666667f * MADD(0.5f, w2, w0), odd_near = -0.666666667f * HALF_ROOT * w1;
    const VF even_far = 0.166666667f * MADD(2.0f, w2, w0), odd_far = 0.166666667f * ROOT * w1;
    to[0] = w0;
    to[to_step] = even_near + odd_near;
    to[2 * to_step] = even_near - odd_near;
    to[3 * to_step] = even_far + odd_far;
    to[4 * to_step] = even_far - odd_far;
    to[5 * to_step] = w2;
}

INLINE void GATHER(2)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF m1 = from[step], m2 = from[2 * step];
    to[0] = from[0] + (m1 + m2);
    to[to_step] = (m1 - m2) + from[3 * step];
}

INLINE void GATHER(4)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF m1 = from[step], m2 = from[2 * step], m3 = from[3 * step], m4 = from[4 * step];
    const VF even_near = m1 + m2, odd_near = m1 - m2, even_far = m3 + m4, odd_far = m3 - m4;
    to[0] = from[0] + (even_near + even_far);
    to[to_step] = MADD(HALF_ROOT, odd_near, ROOT * odd_far);
    to[2 * to_step] = MADD(0.5f, even_near, 2.0f * even_far);
    to[3 * to_step] = MADD(0.5f * HALF_ROOT, odd_near, MADD(2.0f * ROOT, odd_far, from[5 * step]));
}

INLINE void UNGATHER(2)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF y0 = from[0], y1 = from[step];
    to[0] = y0;
    to[to_step] = y0 + y1;
    to[2 * to_step] = y0 - y1;
    to[3 * to_step] = y1;
}

INLINE void UNGATHER(4)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF y0 = from[0], y1 = from[step], y2 = from[2 * step], y3 = from[3 * step];
    const VF even_near = MADD(0.5f, y2, y0), odd_near = MADD(0.5f, y3, y1);
    const VF even_far = MADD(2.0f, y2, y0), odd_far = MADD(2.0f, y3, y1);
    to[0] = y0;
    to[to_step] = MADD(HALF_ROOT, odd_near, even_near);
    to[2 * to_step] = MADD(-HALF_ROOT, odd_near, even_near);
    to[3 * to_step] = MADD(ROOT, odd_far, even_far);
    to[4 * to_step] = MADD(-ROOT, odd_far, even_far);
    to[5 * to_step] = y3;
}

INLINE void UNWEIGH(2)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF m1 = from[step], m2 = from[2 * step], even = 0.5f * (m1 + m2);
    to[0] = from[0] + even;
    to[to_step] = 0.5f * (m1 - m2);
    to[2 * to_step] = from[3 * step] + even;
}

INLINE void UNWEIGH(4)(const VF *from, const int step, VF *to, const int to_step)
{
    const VF m1 = from[step], m2 = from[2 * step], m3 = from[3 * step], m4 = from[4 * step];
    const VF even_near = -0.666666667f * (m1 + m2), odd_near = -0.666666667f * HALF_ROOT * (m1 - m2);
    const VF even_far = 0.166666667f * (m3 + m4), odd_far = 0.166666667f * ROOT * (m3 - m4);
    to[0] = from[0] + (even_near + even_far);
    to[to_step] = odd_near + odd_far;
    to[2 * to_step] = from[5 * step] + MADD(0.5f, even_near, 2.0f * even_far);
}

/* VEC channels of `lines` x `columns` pixels of an image of height x width pixels, the first one at (row, col), to which
 * `from` points. `edge`: some lie outside. */
INLINE void NAME(load_tile)(__global const float *from, const int channels, const int row, const int col,
                            const int height, const int width, const int lines, const int columns, const int edge,
                            VF *tile)
{
#pragma unroll
    for (int h = 0; h < lines; h++)
#pragma unroll
        for (int w = 0; w < columns; w++) {
            const int inside = !edge || (row + h >= 0 && row + h < height && col + w >= 0 && col + w < width);
            tile[h * columns + w] = inside ? VLOAD(from + (h * width + w) * channels) : (VF)(0.0f);
        }
}

/* B^T x B for `count` channels of a tile of x, its points `step` apart. Parameters as of load_tile. */
INLINE void NAME(spread_channels)(__global const float *from, const int channels, const int row, const int col,
                                  const int height, const int width, const int edge, const int count,
                                  __local float *spread, const int step)
{
    for (int d = 0; d < count; d += VEC) {
        VF tile[POINTS], columns[POINTS], points[POINTS];
        NAME(load_tile)(from + d, channels, row, col, height, width, POINTS_H, POINTS_W, edge, tile);
#pragma unroll
        for (int w = 0; w < POINTS_W; w++) SPREAD(TILE_H)(tile + w, POINTS_W, columns + w, POINTS_W);
#pragma unroll
        for (int h = 0; h < POINTS_H; h++) SPREAD(TILE_W)(columns + h * POINTS_W, 1, points + h * POINTS_W, 1);
#pragma unroll
        for (int p = 0; p < POINTS; p++) VSTORE(points[p], spread + p * step + d);
    }
}
