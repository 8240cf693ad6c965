/* Depthwise weights [CHANNELS, TAPS] turned to [TAPS, CHANNELS], as conv_depthwise.cl reads them in vectors
 * of channels. One work-item, one weight; any local size.
 */
KERNEL NAME(conv_depthwise_pack)(__global const float *w, const ulong w_offset, __global float *packed,
                                 const ulong packed_offset)
{
    const int at = get_global_id(0), tap = at / CHANNELS, channel = at % CHANNELS;
    if (tap < TAPS) packed[packed_offset + at] = w[w_offset + channel * TAPS + tap];
}
