/* The image of a convolution on a matrix engine (conv_engine.cl): f32 NHWC to bfloat16, padded with zeros,
 *     [blocks of channels][rows y % PHASES][rows of all images, y / PHASES][WIDTH positions][PAIRS words]
 * An image has LINES rows of each phase: TOP rows of zeros first, which also end the image before; LEFT zeros in each
 * row, which also end the row before. Behind the last image are zeros only.
 *
 * A work-item packs a row of all blocks, pixel by pixel. VEC 16: whole lines of 16 channels. Local memory: none.      */
KERNEL NAME(conv_engine_image)(__global const float *x, const ulong x_offset, __global float *packed,
                               const ulong packed_offset, const int images, const int rows)
{
    const int row = get_global_id(0), phase = get_global_id(1);
    if (row >= rows) return;
    const int image = row / LINES, y = (row % LINES) * PHASES + phase - TOP;
    const int inside = image < images && y >= 0 && y < XH;
    const long block_words = (long)PHASES * rows * (WIDTH * PAIRS);
    __global uint *line = (__global uint *)(packed + packed_offset) + ((long)phase * rows + row) * (WIDTH * PAIRS);
    x += x_offset + (inside ? image * (long)A0 + y * (long)A1 : 0);
    for (int at = 0; at < WIDTH; at++, line += PAIRS) {
        const int column = at - LEFT, there = inside && column >= 0 && column < XW;
        __global const float *from = x + (there ? column * (long)A2 : 0);
        __global uint *to = line;
        for (int block = 0; block < BLOCKS; block++, to += block_words, from += 2 * PAIRS * (long)A3) {
#if VEC == 16
            for (int i = 0; i < PAIRS / 8; i++)
                vstore8(there ? NAME(pairs)(vload16(i, from)) : (uint8)(0), i, to);
#else
            for (int i = 0; i < PAIRS; i++) {
                const int channel = block * (2 * PAIRS) + 2 * i;
                const float even = there && channel < CHANNELS ? from[2 * i * (long)A3] : 0.0f;
                const float odd = there && channel + 1 < CHANNELS ? from[(2 * i + 1) * (long)A3] : 0.0f;
                to[i] = NAME(round)(even) | NAME(round)(odd) << 16;
            }
#endif
        }
    }
}
