/* The gradient of a convolution's weights by a matrix engine (engine_*.cl): products of bfloat16, sums f32.
 *     dw[o, (a, b), c] = sum over positions q of dy[q, o] x[plane of (a, b)][q + distance of (a, b)][c]
 * q goes through all positions of all padded images in one line; dy is 0 between them (conv_engine_gradient.cl), and x lies
 * in pairs from even and from odd positions (conv_engine_pairs.cl), so that any distance is a fragment. A block is
 * 2 ENGINE_ROWS channels o by 2 times ENGINE_COLS channels c of a tap. The positions are cut into parts of
 * PART_BLOCKS blocks of 2 ENGINE_PAIRS, whose sums conv_sum.cl adds.
 *
 * Local size (ENGINE_ITEMS, 1, 1). Global size: blocks of o * ENGINE_ITEMS, of columns / COL_BLOCKS, parts. Local or private
 * memory: 16 ENGINE_ROWS ENGINE_COLS bytes. Accumulators f32.                                      */
#define BLOCK_ROWS (2 * ENGINE_ROWS)
#define A_WORDS (ENGINE_ROWS * ENGINE_PAIRS)
#define B_WORDS (ENGINE_COLS * ENGINE_PAIRS)
#define CHANNEL_BLOCKS ((CHANNELS + ENGINE_COLS - 1) / ENGINE_COLS)
#define COL_TILES (KH * KW * CHANNEL_BLOCKS)
#if ENGINE_ITEMS > 1
#define GROUP_BARRIER barrier(CLK_LOCAL_MEM_FENCE);
#define ACROSS (ENGINE_COLS / VEC) /* work-items side by side in a row of a fragment */
#else
#define GROUP_BARRIER
#define ACROSS 1
#endif
#if SPLIT > 1
#define STORE_PARAMS __global float *parts, const ulong parts_offset
#define STORE_ARGS parts, parts_offset
#define STORE_S(row, col, v) (parts[parts_offset + (row) * (KH * KW * (long)CHANNELS) + (col)] = (v))
#define STORE_V(row, col, v) VSTORE(v, parts + parts_offset + (row) * (KH * KW * (long)CHANNELS) + (col))
#endif

/* Fragment `tile` of the columns, from the block's left or right half. */
static void NAME(hand_over)(const ENGINE_MEMORY float *sums, const long row, const int rows, const int tile, STORE_PARAMS)
{
    const int channel = tile % CHANNEL_BLOCKS * ENGINE_COLS, col = tile / CHANNEL_BLOCKS * CHANNELS + channel;
    for (int r = get_local_id(0) / ACROSS; r < rows; r += ENGINE_ITEMS / ACROSS)
        for (int c = get_local_id(0) % ACROSS * VEC; c < ENGINE_COLS && channel + c < CHANNELS; c += ACROSS * VEC) {
            const ENGINE_MEMORY float *from = sums + r * (2 * ENGINE_COLS) + c;
            if (channel + c + VEC <= CHANNELS)
                STORE_V(row + r, col + c, VLOAD(from));
            else
                for (int i = 0; i < CHANNELS - channel - c; i++) STORE_S(row + r, col + c + i, from[i]);
        }
}

/* Where the fragments of a tile begin, for the first position. */
static long NAME(columns_at)(const int tile, const long pairs)
{
    const int tap = tile / CHANNEL_BLOCKS, block = tile % CHANNEL_BLOCKS;
    const int y = tap / KW * TAP_H, x = tap % KW * TAP_W, distance = y / STRIDE_H * LINE + x / STRIDE_W;
    const int plane = y % STRIDE_H * STRIDE_W + x % STRIDE_W;
    const long line = ((distance & 1) * CHANNEL_BLOCKS + block) * (STRIDE_H * STRIDE_W) + plane;
    return (line * pairs + distance / 2) * ENGINE_COLS;
}

ENGINE_ATTRIBUTES KERNEL NAME(conv_engine_sums)(__global const uint *a, const ulong a_offset, __global const uint *b,
                                                const ulong b_offset, const int m, const int k_blocks, const int pairs,
                                                STORE_PARAMS)
{
    ENGINE_MEMORY float sums[BLOCK_ROWS * 2 * ENGINE_COLS] __attribute__((aligned(64)));
    const int first_row = GROUP_ID(0) * BLOCK_ROWS, col_begin = GROUP_ID(1) * COL_BLOCKS, part = GROUP_ID(2);
    const int begin = part * PART_BLOCKS, end = min(begin + PART_BLOCKS, k_blocks);
    const long to_row = (SPLIT > 1 ? (long)part * m : 0) + first_row;
    const int rows = min(BLOCK_ROWS, m - first_row);
    a += a_offset + ((long)GROUP_ID(0) * k_blocks + begin) * (2 * A_WORDS);
    b += b_offset + (long)begin * B_WORDS;
    ENGINE_OPEN
    for (int j = col_begin; j < col_begin + COL_BLOCKS && 2 * j < COL_TILES; j++) {
        const int next = min(2 * j + 1, COL_TILES - 1);
        __global const uint *left = a;
        __global const uint *right0 = b + NAME(columns_at)(2 * j, pairs), *right1 = b + NAME(columns_at)(next, pairs);
        ENGINE_BEGIN
        for (int t = begin; t < end; t++, left += 2 * A_WORDS, right0 += B_WORDS, right1 += B_WORDS) {
            ENGINE_STEP(left, (left + A_WORDS), ENGINE_PAIRS, right0, right1)
        }
        ENGINE_STORE(sums)
        GROUP_BARRIER
        NAME(hand_over)(sums, to_row, rows, 2 * j, STORE_ARGS);
        if (next > 2 * j) NAME(hand_over)(sums + ENGINE_COLS, to_row, rows, next, STORE_ARGS);
        GROUP_BARRIER
    }
    ENGINE_CLOSE
}
