/* The second phase of conv_winograd_weights.cl: adds the parts in their order, transforms the sums back and stores dw, OHWI.
 *
 * One work-item (local size 1) owns one output channel by IN_BLOCK input channels.
 */
KERNEL NAME(conv_winograd_sum)(__global const float *parts, const ulong parts_offset, const int shares, STORE_PARAMS)
{
    const int in = get_global_id(0), row = get_global_id(1);
    __global const float *from = parts + parts_offset +
                                 (long)(row / OUT_BLOCK * (IN / IN_BLOCK) + in) * (POINTS * OUT_BLOCK * IN_BLOCK) +
                                 row % OUT_BLOCK * IN_BLOCK;
    for (int i = 0; i < IN_BLOCK; i += VEC) {
        VF points[POINTS], columns[3 * POINTS_W], taps[9];
#pragma unroll
        for (int p = 0; p < POINTS; p++) points[p] = VLOAD(from + p * (OUT_BLOCK * IN_BLOCK) + i);
        for (int share = 1; share < shares; share++) {
            __global const float *part = from + share * ((long)POINTS * OUT * IN) + i;
#pragma unroll
            for (int p = 0; p < POINTS; p++) points[p] += VLOAD(part + p * (OUT_BLOCK * IN_BLOCK));
        }
#pragma unroll
        for (int w = 0; w < POINTS_W; w++) UNWEIGH(TILE_H)(points + w, POINTS_W, columns + w, POINTS_W);
#pragma unroll
        for (int h = 0; h < 3; h++) UNWEIGH(TILE_W)(columns + h * POINTS_W, 1, taps + h * 3, 1);
        for (int tap = 0; tap < 9; tap++) { STORE_V(row, tap * IN + in * IN_BLOCK + i, taps[tap]); }
    }
}
