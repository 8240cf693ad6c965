/* f32 or bf16 (X) to packed bfloat16 for matmul_engine.cl. A line is a row of a or a column of b; x[line * line_stride + step * k_stride].
 * Panels of 2 WIDTH lines, for each PAIRS pairs of steps of k two fragments of words, [WIDTH][PAIRS] or, PAIR_FIRST,
 * [PAIRS][WIDTH]; zeros outside (words: engine_pack.cl).
 *
 * TILE 1 (WIDTH = PAIRS = VEC = 16): a work-item packs K_BLOCKS x PANELS pairs of fragments, in the order of memory;
 * ALONG_K says which axis lies there element by element. Where that is not the fragment's order, 16 x 16 words are turned in
 * registers. TILE 0: a work-item packs one word. Local memory: none.                               */
#ifndef K_BLOCKS
#define K_BLOCKS 8 /* blocks of k for a work-item, TILE 1 */
#endif
#ifndef PANELS
#define PANELS 1 /* panels for a work-item, TILE 1 */
#endif

#if TILE
#define W 16
static float16 NAME(fetch)(__global const MEMORY(X) *from, const long inside)
{
    if (inside >= 16) return LOAD(X, from);
    float lanes[16];
    for (int i = 0; i < 16; i++) lanes[i] = i < inside ? LOAD_ONE(X, from + i) : 0.0f;
    return vload16(0, lanes);
}

/* Line i of 16 lines of 16 words. Along k: 16 pairs of a line. Else: a pair of each of 16 lines. */
static uint16 NAME(words)(__global const MEMORY(X) *x, const long lines, const long k, const long line_stride, const long k_stride,
                   const long line, const long step, const int i)
{
#if ALONG_K
    if (line + i >= lines) return (uint16)(0);
    __global const MEMORY(X) *from = x + (line + i) * line_stride + step;
    return (uint16)(NAME(pairs)(NAME(fetch)(from, k - step)), NAME(pairs)(NAME(fetch)(from + 16, k - step - 16)));
#else
    const long even_step = step + 2 * i, inside = lines - line;
    __global const MEMORY(X) *from = x + line + even_step * k_stride;
    const uint16 even = NAME(round_all)(NAME(fetch)(from, even_step < k ? inside : 0));
    const uint16 odd = NAME(round_all)(NAME(fetch)(from + k_stride, even_step + 1 < k ? inside : 0));
    return even >> 16 | (odd & 0xffff0000u);
#endif
}

static void NAME(fragment)(__global const MEMORY(X) *x, __global uint *to, const long lines, const long k, const long line_stride,
                    const long k_stride, const long line, const long step)
{
#if ALONG_K != PAIR_FIRST /* memory and fragment agree */
    for (int i = 0; i < 16; i++)
        vstore16(NAME(words)(x, lines, k, line_stride, k_stride, line, step, i), i, to);
#else
    uint16 turned[16];
    for (int i = 0; i < 16; i++) turned[i] = NAME(words)(x, lines, k, line_stride, k_stride, line, step, i);
    NAME(turn)(turned);
    for (int i = 0; i < 16; i++) vstore16(turned[i], i, to);
#endif
}
#endif

KERNEL NAME(matmul_engine_pack)(__global const MEMORY(X) *x, const ulong x_offset, __global float *packed,
                                const ulong packed_offset, const long lines, const long k, const long line_stride,
                                const long k_stride, const int k_blocks, const long matrix_words, const long d1,
                                const long d2, const long s0, const long s1, const long s2)
{
    const long matrix = get_global_id(2);
    __global uint *to = (__global uint *)(packed + packed_offset) + matrix * matrix_words;
    x += x_offset + BATCH_OFFSET(matrix, d1, d2, s0, s1, s2);
#if TILE
    const int begin = get_global_id(0) * K_BLOCKS, end = min(begin + K_BLOCKS, k_blocks);
    const long first = get_global_id(1) * PANELS;
    for (int block = begin; block < end; block++)
        for (long panel = first; panel < first + PANELS && panel * 32 < lines; panel++)
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
    __global const MEMORY(X) *from = x + line * line_stride + step * k_stride;
    const float even = line < lines && step < k ? LOAD_ONE(X, from) : 0.0f;
    const float odd = line < lines && step + 1 < k ? LOAD_ONE(X, from + k_stride) : 0.0f;
    to[at] = NAME(round)(even) | NAME(round)(odd) << 16;
#endif
}
