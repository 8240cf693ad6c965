/* Weights in the order in which conv_cpu.cl reads them, zero where a block hangs over:
 *
 *   packed [GROUPS, BLOCKS, KH, DEPTH_BLOCKS, KW, DEPTH_BLOCK, WIDTH]
 *
 * A block is WIDTH result channels; the depth is summed over. TRANSPOSED 0: results are output channels,
 * depth is input channels. TRANSPOSED 1 (gradient to x): the other way round, with both tap axes flipped.
 * w is OHWI with strides S0..S3. One work-item packs one (group, block, kh, depth block, kw).
 */
KERNEL NAME(conv_pack)(__global const float *w, const ulong w_offset, __global float *packed,
                       const ulong packed_offset, const int pieces)
{
    const int piece = get_global_id(0);
    if (piece >= pieces) return;
    const int kw = piece % KW;
    const int depth_block = piece / KW % DEPTH_BLOCKS;
    const int kh = piece / (KW * DEPTH_BLOCKS) % KH;
    const int block = piece / (KW * DEPTH_BLOCKS * KH) % BLOCKS;
    const int group = piece / (KW * DEPTH_BLOCKS * KH * BLOCKS);
    __global float *to = packed + packed_offset + (ulong)piece * DEPTH_BLOCK * WIDTH;
#if TRANSPOSED
    const long lane_step = S3, depth_step = S0;
    __global const float *from = w + w_offset + (KH - 1 - kh) * S1 + (KW - 1 - kw) * S2 + group * DEPTH * S0;
#else
    const long lane_step = S0, depth_step = S3;
    __global const float *from = w + w_offset + kh * S1 + kw * S2 + group * COLS * S0;
#endif
    for (int d = 0; d < DEPTH_BLOCK; d++)
        for (int lane = 0; lane < WIDTH; lane++) {
            const int depth = depth_block * DEPTH_BLOCK + d, col = block * WIDTH + lane;
            const int inside = depth < DEPTH && col < COLS;
            to[d * WIDTH + lane] = inside ? from[depth * depth_step + col * lane_step] : 0.0f;
        }
}
