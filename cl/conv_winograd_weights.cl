/* Gradient of a convolution with 3 x 3 taps at stride 1 to its weights by Winograd's algorithm, for CPUs: the sums over
 * tiles at each point, before the transform back. See conv_winograd_tiles.cl.
 *
 *   dw = G^T [sum over tiles of (A dy A^T) (B^T x B)] G
 *
 * One work-item (local size 1) owns IN_BLOCK input channels by OUT_BLOCK output channels of `share` tiles. It goes by
 * CHUNK tiles: both transforms, then a product for each point in register tiles of ROWS output channels x WIDTH = NV VEC
 * input channels, added to its part. The transformed tiles stay in the second cache:
 *
 *   spread [POINTS, CHUNK, IN_BLOCK], slopes [POINTS, CHUNK, OUT_BLOCK]
 *   parts [shares, OUT / OUT_BLOCK, IN / IN_BLOCK, POINTS, OUT_BLOCK, IN_BLOCK]
 */
#ifndef ROWS
#define ROWS 8 /* output channels of a register tile: a divisor of OUT_BLOCK, up to 28 / NV */
#endif
#ifndef CHUNK
#define CHUNK 28 /* tiles transformed together */
#endif
#define WIDTH   (NV * VEC)
#define TILES_H ((YH + TILE_H - 1) / TILE_H)
#define TILES_W ((YW + TILE_W - 1) / TILE_W)

void NAME(spread_tile)(__global const float *x, const long tile, __local float *spread)
{
    const int row = (int)(tile / TILES_W % TILES_H) * TILE_H - PAD_H, col = (int)(tile % TILES_W) * TILE_W - PAD_W;
    const int free = row >= 0 && row + POINTS_H <= XH && col >= 0 && col + POINTS_W <= XW;
    x += (tile / (TILES_W * TILES_H) * (XH * XW) + (long)row * XW + col) * IN;
    if (free)
        NAME(spread_channels)(x, IN, row, col, XH, XW, 0, IN_BLOCK, spread, CHUNK * IN_BLOCK);
    else
        NAME(spread_channels)(x, IN, row, col, XH, XW, 1, IN_BLOCK, spread, CHUNK * IN_BLOCK);
}

/* A dy A^T of a tile; zero behind the last line and column. */
INLINE void NAME(ungather_channels)(__global const float *dy, const int row, const int col, const int edge,
                                    __local float *slopes)
{
    for (int o = 0; o < OUT_BLOCK; o += VEC) {
        VF tile[TILE_H * TILE_W], columns[POINTS_H * TILE_W], points[POINTS];
        NAME(load_tile)(dy + o, OUT, row, col, YH, YW, TILE_H, TILE_W, edge, tile);
#pragma unroll
        for (int w = 0; w < TILE_W; w++) UNGATHER(TILE_H)(tile + w, TILE_W, columns + w, TILE_W);
#pragma unroll
        for (int h = 0; h < POINTS_H; h++) UNGATHER(TILE_W)(columns + h * TILE_W, 1, points + h * POINTS_W, 1);
#pragma unroll
        for (int p = 0; p < POINTS; p++) VSTORE(points[p], slopes + p * (CHUNK * OUT_BLOCK) + o);
    }
}

void NAME(ungather_tile)(__global const float *dy, const long tile, __local float *slopes)
{
    const int row = (int)(tile / TILES_W % TILES_H) * TILE_H, col = (int)(tile % TILES_W) * TILE_W;
    dy += (tile / (TILES_W * TILES_H) * (YH * YW) + (long)row * YW + col) * OUT;
    if (row + TILE_H <= YH && col + TILE_W <= YW)
        NAME(ungather_channels)(dy, row, col, 0, slopes);
    else
        NAME(ungather_channels)(dy, row, col, 1, slopes);
}

/* sums = slopes^T spread over `count` tiles, at one point; then added to what is there, unless it is the first time: long
 * sums in one go would round more. */
void NAME(product)(__local const float *slopes, __local const float *spread, const int count, const int first,
                   __global float *sums)
{
    for (int row = 0; row < OUT_BLOCK; row += ROWS)
        for (int col = 0; col < IN_BLOCK; col += WIDTH) {
            VF acc[ROWS][NV];
            __global float *to = sums + row * IN_BLOCK + col;
#pragma unroll
            for (int r = 0; r < ROWS; r++)
#pragma unroll
                for (int v = 0; v < NV; v++) acc[r][v] = (VF)(0.0f);
            for (int t = 0; t < count; t++) {
                VF b[NV];
#pragma unroll
                for (int v = 0; v < NV; v++) b[v] = VLOAD(spread + t * IN_BLOCK + col + v * VEC);
#pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    const VF a = (VF)(slopes[t * OUT_BLOCK + row + r]);
#pragma unroll
                    for (int v = 0; v < NV; v++) acc[r][v] = FMA(a, b[v], acc[r][v]);
                }
            }
#pragma unroll
            for (int r = 0; r < ROWS; r++)
#pragma unroll
                for (int v = 0; v < NV; v++) {
                    __global float *sum = to + r * IN_BLOCK + v * VEC;
                    VSTORE(first ? acc[r][v] : acc[r][v] + VLOAD(sum), sum);
                }
        }
}

KERNEL NAME(conv_winograd_weights)(__global const float *dy, const ulong dy_offset, __global const float *x,
                                   const ulong x_offset, __global float *parts, const ulong parts_offset,
                                   const long tiles, const long share)
{
    __local float spread[POINTS * CHUNK * IN_BLOCK], slopes[POINTS * CHUNK * OUT_BLOCK];
    const int pair = get_global_id(0), in = pair % (IN / IN_BLOCK), out = pair / (IN / IN_BLOCK);
    const long begin = get_global_id(1) * share, end = min(tiles, begin + share);
    __global float *part = parts + parts_offset + get_global_id(1) * ((long)POINTS * OUT * IN) +
                           (long)pair * (POINTS * OUT_BLOCK * IN_BLOCK);
    for (long first = begin; first < end; first += CHUNK) {
        const int count = (int)min((long)CHUNK, end - first);
        for (int t = 0; t < count; t++) {
            NAME(spread_tile)(x + x_offset + in * IN_BLOCK, first + t, spread + t * IN_BLOCK);
            NAME(ungather_tile)(dy + dy_offset + out * OUT_BLOCK, first + t, slopes + t * OUT_BLOCK);
        }
        for (int p = 0; p < POINTS; p++)
            NAME(product)
            (slopes + p * (CHUNK * OUT_BLOCK), spread + p * (CHUNK * IN_BLOCK), count, first == begin,
             part + p * (OUT_BLOCK * IN_BLOCK));
    }
}
