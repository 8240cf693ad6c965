/* Winograd's convolution with 3 x 3 taps at stride 1 for CPUs, forward and gradient to x: see conv_winograd_tiles.cl.
 *
 *   y[n, h, w, o] = sum over kh, kw, d of w'[o, kh, kw, d] x[n, h - PAD_H + kh, w - PAD_W + kw, d]
 *
 * Gradient to x: w' flipped and transposed by conv_winograd_pack.cl, PAD 2 - padding.
 *
 * One work-item (local size 1) owns CHUNK tiles of y, counted through lines and images, by PART blocks of WIDTH =
 * NV VEC channels. It transforms their tiles of x for all channels, then goes by blocks: a product for each point,
 * in register tiles of ROWS tiles x WIDTH channels, then the transform back. All of it stays in the second cache:
 *
 *   spread [POINTS, CHUNK, PITCH]: x'; PITCH = DEPTH + VEC keeps tiles out of each other's cache sets
 *   sums [POINTS, CHUNK, WIDTH]: products of one block
 *
 * Tiles behind the last one repeat it; they are not stored. f32 sums.
 */
#ifndef ROWS
#define ROWS 14 /* tiles of a register tile: 1 .. 28 / NV */
#endif
#ifndef CHUNK
#define CHUNK 28 /* tiles of a work-item: a multiple of ROWS */
#endif
#define WIDTH   (NV * VEC)
#define PITCH   (DEPTH + VEC)
#define TILES_H ((YH + TILE_H - 1) / TILE_H)
#define TILES_W ((YW + TILE_W - 1) / TILE_W)

void NAME(spread_tile)(__global const float *x, const long tile, __local float *spread)
{
    const int row = (int)(tile / TILES_W % TILES_H) * TILE_H - PAD_H, col = (int)(tile % TILES_W) * TILE_W - PAD_W;
    const int free = row >= 0 && row + POINTS_H <= XH && col >= 0 && col + POINTS_W <= XW;
    x += (tile / (TILES_W * TILES_H) * (XH * XW) + (long)row * XW + col) * DEPTH;
    if (free)
        NAME(spread_channels)(x, DEPTH, row, col, XH, XW, 0, DEPTH, spread, CHUNK * PITCH);
    else
        NAME(spread_channels)(x, DEPTH, row, col, XH, XW, 1, DEPTH, spread, CHUNK * PITCH);
}

/* sums = spread times weights, at one point. */
void NAME(product)(__local const float *spread, __global const float *weights, __local float *sums)
{
    for (int row = 0; row < CHUNK; row += ROWS) {
        VF acc[ROWS][NV];
#pragma unroll
        for (int t = 0; t < ROWS; t++)
#pragma unroll
            for (int v = 0; v < NV; v++) acc[t][v] = (VF)(0.0f);
        for (int d = 0; d < DEPTH; d++) {
            VF b[NV];
#pragma unroll
            for (int v = 0; v < NV; v++) b[v] = VLOAD(weights + d * WIDTH + v * VEC);
#pragma unroll
            for (int t = 0; t < ROWS; t++) {
                const VF a = (VF)(spread[(row + t) * PITCH + d]);
#pragma unroll
                for (int v = 0; v < NV; v++) acc[t][v] = FMA(a, b[v], acc[t][v]);
            }
        }
#pragma unroll
        for (int t = 0; t < ROWS; t++)
#pragma unroll
            for (int v = 0; v < NV; v++) VSTORE(acc[t][v], sums + (row + t) * WIDTH + v * VEC);
    }
}

void NAME(gather_tile)(__local const float *sums, const long tile, const int col, STORE_PARAMS)
{
    VF points[POINTS], columns[TILE_H * POINTS_W], result[TILE_H * TILE_W];
#pragma unroll
    for (int p = 0; p < POINTS; p++) points[p] = VLOAD(sums + p * (CHUNK * WIDTH));
#pragma unroll
    for (int w = 0; w < POINTS_W; w++) GATHER(TILE_H)(points + w, POINTS_W, columns + w, POINTS_W);
#pragma unroll
    for (int h = 0; h < TILE_H; h++) GATHER(TILE_W)(columns + h * POINTS_W, 1, result + h * TILE_W, 1);
    const int h0 = (int)(tile / TILES_W % TILES_H) * TILE_H, w0 = (int)(tile % TILES_W) * TILE_W;
    const int height = min(TILE_H, YH - h0), width = min(TILE_W, YW - w0);
    const long pixel = (tile / (TILES_W * TILES_H) * YH + h0) * YW + w0;
    for (int h = 0; h < height; h++)
        for (int w = 0; w < width; w++) { STORE_V(pixel + h * YW + w, col, result[h * TILE_W + w]); }
}

KERNEL NAME(conv_winograd)(__global const float *x, const ulong x_offset, __global const float *packed,
                           const ulong packed_offset, const long tiles, STORE_PARAMS)
{
    __local float spread[POINTS * CHUNK * PITCH], sums[POINTS * CHUNK * WIDTH];
    const long first = (long)get_global_id(0) * CHUNK;
    const int part = get_global_id(1), count = (int)min((long)CHUNK, tiles - first);
    for (int t = 0; t < CHUNK; t++)
        NAME(spread_tile)(x + x_offset, min(first + t, tiles - 1), spread + t * PITCH);
    for (int block = part * PART; block < min((part + 1) * PART, BLOCKS); block++) {
        __global const float *weights = packed + packed_offset + (long)block * (POINTS * DEPTH * WIDTH);
        for (int p = 0; p < POINTS; p++)
            NAME(product)(spread + p * (CHUNK * PITCH), weights + p * (DEPTH * WIDTH), sums + p * (CHUNK * WIDTH));
        for (int t = 0; t < count; t++)
            for (int v = 0; v < NV; v++)
                NAME(gather_tile)
                (sums + t * WIDTH + v * VEC, first + t, block * WIDTH + v * VEC, STORE_ARGS);
    }
}
