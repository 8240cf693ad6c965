/* f32 to packed bfloat16 for matmul_engine.cl. A line is a row of a or a column of b; x[line * line_stride + step * k_stride].
 * Panels of 2 WIDTH lines, for each PAIRS pairs of steps of k two fragments of words, [WIDTH][PAIRS] or, PAIR_FIRST,
 * [PAIRS][WIDTH]; zeros outside. Rounding is to nearest, ties to even; a NaN stays one.
 *
 * TILE 1 (WIDTH = PAIRS = VEC = 16): a work-item packs K_BLOCKS pairs of fragments of a panel; ALONG_K says which axis lies
 * in memory element by element. TILE 0: a work-item packs one word. Local memory: none.            */
#ifndef K_BLOCKS
#define K_BLOCKS 8 /* blocks of k for a work-item, TILE 1 */
#endif

static uint NAME(round)(const float x)
{
    const uint bits = as_uint(x), rounded = bits + 0x7fff + (bits >> 16 & 1);
    return (x == x ? rounded : bits | 0x400000) >> 16;
}

#if TILE
static uint16 NAME(round_all)(const float16 x)
{
    const uint16 bits = as_uint16(x), rounded = bits + 0x7fff + (bits >> 16 & 1);
    return select(rounded, bits | 0x400000, x != x) >> 16;
}

static float16 NAME(fetch)(__global const float *from, const long inside)
{
    if (inside >= 16) return vload16(0, from);
    float lanes[16];
    for (int i = 0; i < 16; i++) lanes[i] = i < inside ? from[i] : 0.0f;
    return vload16(0, lanes);
}

/* Words of pair `pair` for 16 lines, or of 16 pairs of one line: both as they lie in memory. */
static uint16 NAME(words)(__global const float *x, const long lines, const long k, const long line_stride, const long k_stride,
                   const long line, const long step)
{
#if ALONG_K
    __global const float *from = x + line * line_stride + step;
    if (line >= lines) return (uint16)(0);
    const float16 low = NAME(fetch)(from, k - step), high = NAME(fetch)(from + 16, k - step - 16);
    return NAME(round_all)((float16)(low.even, high.even)) | NAME(round_all)((float16)(low.odd, high.odd)) << 16;
#else
    __global const float *from = x + line + step * k_stride;
    const float16 even = NAME(fetch)(from, step < k ? lines - line : 0);
    const float16 odd = NAME(fetch)(from + k_stride, step + 1 < k ? lines - line : 0);
    return NAME(round_all)(even) | NAME(round_all)(odd) << 16;
#endif
}

static void NAME(fragment)(__global const float *x, __global uint *to, const long lines, const long k, const long line_stride,
                    const long k_stride, const long line, const long step)
{
#if ALONG_K != PAIR_FIRST /* memory and fragment agree */
    for (int i = 0; i < 16; i++)
        vstore16(NAME(words)(x, lines, k, line_stride, k_stride, line + (ALONG_K ? i : 0), step + (ALONG_K ? 0 : 2 * i)),
                 i, to);
#else
    uint turned[256];
    for (int i = 0; i < 16; i++)
        vstore16(NAME(words)(x, lines, k, line_stride, k_stride, line + (ALONG_K ? i : 0), step + (ALONG_K ? 0 : 2 * i)),
                 i, turned);
    for (int i = 0; i < 256; i++) to[i] = turned[i % 16 * 16 + i / 16];
#endif
}
#endif

KERNEL NAME(matmul_engine_pack)(__global const float *x, const ulong x_offset, __global float *packed,
                                const ulong packed_offset, const long lines, const long k, const long line_stride,
                                const long k_stride, const int k_blocks, const long matrix_words, const long d1,
                                const long d2, const long s0, const long s1, const long s2)
{
    const long matrix = get_global_id(2);
    __global uint *to = (__global uint *)(packed + packed_offset) + matrix * matrix_words;
    x += x_offset + BATCH_OFFSET(matrix, d1, d2, s0, s1, s2);
#if TILE
    const long panel = get_global_id(1);
    const int begin = get_global_id(0) * K_BLOCKS, end = min(begin + K_BLOCKS, k_blocks);
    for (int block = begin; block < end; block++)
        for (int half_ = 0; half_ < 2; half_++)
            NAME(fragment)(x, to + ((panel * k_blocks + block) * 2 + half_) * 256, lines, k, line_stride, k_stride,
                           panel * 32 + half_ * 16, block * 32L);
#else
    const long at = get_global_id(0);
    if (at >= matrix_words) return;
    const int in = at % (WIDTH * PAIRS);
    const long fragment = at / (WIDTH * PAIRS), block = fragment / 2 % k_blocks, panel = fragment / 2 / k_blocks;
    const long line = (panel * 2 + fragment % 2) * WIDTH + (PAIR_FIRST ? in % WIDTH : in / PAIRS);
    const long step = (block * PAIRS + (PAIR_FIRST ? in / WIDTH : in % PAIRS)) * 2;
    __global const float *from = x + line * line_stride + step * k_stride;
    const float even = line < lines && step < k ? from[0] : 0.0f;
    const float odd = line < lines && step + 1 < k ? from[k_stride] : 0.0f;
    to[at] = NAME(round)(even) | NAME(round)(odd) << 16;
#endif
}
