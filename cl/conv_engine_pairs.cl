/* The image of a convolution as columns of the product that gives the weights' gradient (conv_engine_sums.cl): f32 NHWC to
 * words of two neighbouring positions,
 *     [first position even, odd][blocks of COLS channels][STRIDE_H STRIDE_W planes][pairs][COLS] words
 * A plane has the pixels y % STRIDE_H, x % STRIDE_W of all padded images in one line, LINES rows of LINE positions each, so
 * that the taps of all strides are constant distances.
 *
 * A work-item packs EACH pairs of all channels. VEC 16 (COLS = 16): lines of 16 channels. Local memory: none. */
#ifndef EACH
#define EACH 16 /* pairs: any */
#endif

static long NAME(place)(const long q, const int images, const int plane)
{
    const long line = q / LINE, image = line / LINES;
    const long y = line % LINES * STRIDE_H + plane / STRIDE_W - TOP, x = q % LINE * STRIDE_W + plane % STRIDE_W - LEFT;
    return image < images && y >= 0 && y < XH && x >= 0 && x < XW ? image * B0 + y * B1 + x * B2 : -1;
}

KERNEL NAME(conv_engine_pairs)(__global const float *x, const ulong x_offset, __global float *packed,
                               const ulong packed_offset, const int images, const int channels, const int pairs)
{
    const int plane = get_global_id(1), odd_first = get_global_id(2), blocks = (channels + COLS - 1) / COLS;
    const long begin = get_global_id(0) * EACH, end = min(begin + EACH, (long)pairs);
    const long block_words = (long)(STRIDE_H * STRIDE_W) * pairs * COLS;
    x += x_offset;
    for (long pair = begin; pair < end; pair++) {
        const long even = NAME(place)(2 * pair + odd_first, images, plane);
        const long odd = NAME(place)(2 * pair + odd_first + 1, images, plane);
        __global uint *to = (__global uint *)(packed + packed_offset) + odd_first * blocks * block_words +
                            ((long)plane * pairs + pair) * COLS;
        for (int channel = 0; channel < channels; channel += COLS, to += block_words) {
#if VEC == 16
            vstore16((even < 0 ? (uint16)(0) : NAME(round_all)(vload16(0, x + even + channel)) >> 16) |
                         (odd < 0 ? (uint16)(0) : NAME(round_all)(vload16(0, x + odd + channel)) & 0xffff0000u),
                     0, to);
#else
            for (int c = 0; c < COLS; c++) {
                const int inside = channel + c < channels;
                to[c] = NAME(round)(inside && even >= 0 ? x[even + (channel + c) * (long)B3] : 0.0f) |
                        NAME(round)(inside && odd >= 0 ? x[odd + (channel + c) * (long)B3] : 0.0f) << 16;
            }
#endif
        }
    }
}
