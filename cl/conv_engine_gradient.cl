/* The gradient of a convolution's result, dy f32 NHWC, as rows of the product that gives the weights' gradient
 * (conv_engine_sums.cl): bfloat16 fragments
 *     [panels of 2 ROWS channels][blocks of 2 PAIRS positions][2][ROWS][PAIRS] words
 * Positions are those of all padded images in one line (conv_engine_image.cl), LINES rows of LINE positions each; dy is 0
 * where no result is.
 *
 * A work-item packs a block of positions. VEC 16 (ROWS = PAIRS = 16): lines of 16 channels. Local memory: none. */
static long NAME(place)(const long q, const int images)
{
    const long line = q / LINE, image = line / LINES, y = line % LINES, x = q % LINE;
    return image < images && y < YH && x < YW ? image * A0 + y * A1 + x * A2 : -1;
}

KERNEL NAME(conv_engine_gradient)(__global const float *dy, const ulong dy_offset, __global float *packed,
                                  const ulong packed_offset, const int images, const int channels, const int k_blocks)
{
    const long block = get_global_id(0);
    if (block >= k_blocks) return;
    long places[2 * PAIRS];
    for (int i = 0; i < 2 * PAIRS; i++) places[i] = NAME(place)(block * (2 * PAIRS) + i, images);
    dy += dy_offset;
    for (int first = 0; first < channels; first += 2 * ROWS) {
        __global uint *to = (__global uint *)(packed + packed_offset) +
                            ((long)first / (2 * ROWS) * k_blocks + block) * (2 * ROWS * PAIRS);
        for (int channel = first; channel < first + 2 * ROWS; channel += ROWS, to += ROWS * PAIRS) {
#if VEC == 16
            uint16 words[16];
            for (int i = 0; i < 16; i++) {
                const long even = channel < channels ? places[2 * i] : -1, odd = channel < channels ? places[2 * i + 1] : -1;
                words[i] = (even < 0 ? (uint16)(0) : NAME(round_all)(vload16(0, dy + even + channel)) >> 16) |
                           (odd < 0 ? (uint16)(0) : NAME(round_all)(vload16(0, dy + odd + channel)) & 0xffff0000u);
            }
            NAME(turn)(words);
            for (int i = 0; i < 16; i++) vstore16(words[i], i, to);
#else
            for (int i = 0; i < ROWS * PAIRS; i++) {
                const int row = channel + i / PAIRS;
                const long even = row < channels ? places[i % PAIRS * 2] : -1;
                const long odd = row < channels ? places[i % PAIRS * 2 + 1] : -1;
                to[i] = NAME(round)(even < 0 ? 0.0f : dy[even + row * (long)A3]) |
                        NAME(round)(odd < 0 ? 0.0f : dy[odd + row * (long)A3]) << 16;
            }
#endif
        }
    }
}
