/* The second phase of conv_weights_cpu.cl: adds the parts in the order of the chunks and stores dw, OHWI.
 *
 * One work-item (local size 1) owns one group, one block of WIDTH output channels and VEC depth elements
 * k = (kh, kw, i): it adds vectors over the output channels, then turns them, because dw runs along k.
 */
#define WIDTH (NV * VEC)
#define DEPTH (KH * KW * IN_GROUP)
#if FLAT
#define RUN (KW * IN_GROUP)
#else
#define RUN IN_GROUP
#endif
#define TILES_OF_RUN ((RUN + TILE - 1) / TILE)

/* Place of depth element k among the parts of one group, in units of WIDTH; block 0. */
int NAME(place)(const int k)
{
    const int e = k % RUN, tile_e = e / TILE, t = e - min(tile_e * TILE, RUN - TILE);
#if FLAT
    const int kh = k / RUN, tile_h = kh / TILE_ROWS, r = kh - min(tile_h * TILE_ROWS, KH - TILE_ROWS);
#else
    const int tile_h = k / RUN, r = 0;
#endif
    return (tile_h * TILES_OF_RUN + tile_e) * (BLOCKS * TILE_ROWS * TILE) + r * TILE + t;
}

KERNEL NAME(conv_weights_sum)(__global const float *parts, const ulong parts_offset, const int chunks,
                              STORE_PARAMS)
{
    const int k0 = get_global_id(0) * VEC, block = get_global_id(1), group = get_global_id(2);
    const int skip = block * WIDTH - min(block * WIDTH, OUT_GROUP - WIDTH); /* lanes of the block before */
    const int count = min(VEC, DEPTH - k0);
    const long chunk_step = (long)GROUPS * DEPTH_TILES * BLOCKS * TILE_ROWS * TILE * WIDTH;
    float sums[WIDTH], turned[WIDTH * VEC];
    for (int k = 0; k < count; k++) {
        __global const float *from = parts + parts_offset + group * (chunk_step / GROUPS) +
                                     ((long)NAME(place)(k0 + k) + block * (TILE_ROWS * TILE)) * WIDTH;
        for (int v = 0; v < NV; v++) {
            VF sum = VLOAD(from + v * VEC);
            for (int c = 1; c < chunks; c++) sum += VLOAD(from + c * chunk_step + v * VEC);
            VSTORE(sum, sums + v * VEC);
        }
        for (int lane = skip; lane < WIDTH; lane++) turned[lane * VEC + k] = sums[lane];
    }
    for (int lane = skip; lane < WIDTH; lane++) {
        const int row = group * OUT_GROUP + block * WIDTH - skip + lane;
        if (count == VEC) {
            STORE_V(row, k0, VLOAD(turned + lane * VEC));
        } else {
            for (int k = 0; k < count; k++) {
                STORE_S(row, k0 + k, turned[lane * VEC + k]);
            }
        }
    }
}
