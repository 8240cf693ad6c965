/* Weights as conv_winograd.cl reads them: G w G^T.
 *
 *   packed [BLOCKS, POINTS, DEPTH, WIDTH], a block being WIDTH = NV VEC result channels.
 *
 * TRANSPOSED 0: results are output channels, depth is input channels. TRANSPOSED 1 (gradient to x): the other way
 * round, with both tap axes flipped. w is OHWI with strides S0 .. S3. One work-item transforms VEC channels of the
 * depth for VEC result channels.
 */
#define WIDTH (NV * VEC)
#if TRANSPOSED
#define LANE_STEP  S3
#define DEPTH_STEP S0
#define TAP(h, w)  ((2 - (h)) * S1 + (2 - (w)) * S2)
#else
#define LANE_STEP  S0
#define DEPTH_STEP S3
#define TAP(h, w)  ((h) * S1 + (w) * S2)
#endif

KERNEL NAME(conv_winograd_pack)(__global const float *w, const ulong w_offset, __global float *packed,
                                const ulong packed_offset)
{
    const int depth = get_global_id(0) * VEC, vector = get_global_id(1);
    float turned[9 * VEC * VEC];
    for (int tap = 0; tap < 9; tap++) {
        __global const float *from = w + w_offset + TAP(tap / 3, tap % 3) + (long)depth * DEPTH_STEP +
                                     (long)vector * VEC * LANE_STEP;
        for (int lane = 0; lane < VEC; lane++)
            for (int d = 0; d < VEC; d++)
                turned[(tap * VEC + d) * VEC + lane] = from[(long)d * DEPTH_STEP + (long)lane * LANE_STEP];
    }
    __global float *to = packed + packed_offset + ((long)(vector / NV) * POINTS * DEPTH + depth) * WIDTH +
                         vector % NV * VEC;
    for (int d = 0; d < VEC; d++, to += WIDTH) {
        VF taps[9], columns[POINTS_H * 3], points[POINTS];
#pragma unroll
        for (int tap = 0; tap < 9; tap++) taps[tap] = VLOAD(turned + (tap * VEC + d) * VEC);
#pragma unroll
        for (int w = 0; w < 3; w++) WEIGH(TILE_H)(taps + w, 3, columns + w, 3);
#pragma unroll
        for (int h = 0; h < POINTS_H; h++) WEIGH(TILE_W)(columns + h * 3, 1, points + h * POINTS_W, 1);
#pragma unroll
        for (int p = 0; p < POINTS; p++) VSTORE(points[p], to + (long)p * (DEPTH * WIDTH));
    }
}
