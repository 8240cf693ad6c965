/* Convolution by a matrix engine (engine_*.cl), forward and to x: products of bfloat16, sums f32. All positions of all
 * padded images lie in one line (conv_engine_image.cl), so that a tap is a constant distance, and 2 ENGINE_ROWS positions
 * one after another are the rows of a block; those between the images and rows are computed too, and not stored:
 *     result[q, o] = sum over blocks of channels, taps (a, b) and channels c of
 *                    image[block][a TAP_H % STRIDE_H][q STRIDE_W + (a TAP_H / STRIDE_H) WIDTH + b TAP_W][c] w[a, b, c, o]
 * To x, stride s: u = y + pad = s v + f; of each phase f = u % s it is such a sum over v, with the taps f, f + s, ...
 * A step of k is a block of channels of a tap, or, RUN, a part of the line of channels of all taps of a row.
 *
 * Local size (ENGINE_ITEMS, 1, 1). Global size: blocks of positions / ROW_BLOCKS * ENGINE_ITEMS, of channels of the result /
 * COL_BLOCKS, phases. Local or private memory: 16 ENGINE_ROWS ENGINE_COLS bytes. Accumulators f32. */
#define BLOCK_ROWS (2 * ENGINE_ROWS)
#define BLOCK_COLS (2 * ENGINE_COLS)
#define B_WORDS (ENGINE_COLS * ENGINE_PAIRS)
#define PITCH (STRIDE_W * POSITION_WORDS)
#define FIRST(taps, kernel, phases, phase) ((taps) - ((kernel) - (phase) + (phases)-1) / (phases))
#if ENGINE_ITEMS > 1
#define GROUP_BARRIER barrier(CLK_LOCAL_MEM_FENCE);
#define ACROSS (BLOCK_COLS / VEC) /* work-items side by side in a row of a block */
#else
#define GROUP_BARRIER
#define ACROSS 1
#endif

/* The row of the result that position q is, or -1. */
static long NAME(result_row)(const int q, const int positions, const int phase_h, const int phase_w)
{
    const int line = q / LINE, image = line / LINES;
    const int y = line % LINES * PHASES_H + phase_h - SHIFT_H, x = q % LINE * PHASES_W + phase_w - SHIFT_W;
    return q < positions && y >= 0 && y < RESULT_H && x >= 0 && x < RESULT_W ? ((long)image * RESULT_H + y) * RESULT_W + x
                                                                            : -1;
}

static void NAME(hand_over)(const ENGINE_MEMORY float *sums, const int first, const int positions, const int col, const int n,
                     const int phase_h, const int phase_w, STORE_PARAMS)
{
    for (int r = get_local_id(0) / ACROSS; r < BLOCK_ROWS; r += ENGINE_ITEMS / ACROSS) {
        const long row = NAME(result_row)(first + r, positions, phase_h, phase_w);
        if (row < 0) continue;
        for (int c = get_local_id(0) % ACROSS * VEC; c < BLOCK_COLS && col + c < n; c += ACROSS * VEC) {
            const ENGINE_MEMORY float *from = sums + r * BLOCK_COLS + c;
            if (col + c + VEC <= n)
                STORE_V(row, col + c, VLOAD(from));
            else
                for (int i = 0; i < n - col - c; i++) STORE_S(row, col + c + i, from[i]);
        }
    }
}

ENGINE_ATTRIBUTES KERNEL NAME(conv_engine)(__global const uint *a, const ulong a_offset, __global const uint *b,
                                           const ulong b_offset, const int positions, const int n, const int steps,
                                           const long plane_words, STORE_PARAMS)
{
    ENGINE_MEMORY float sums[BLOCK_ROWS * BLOCK_COLS] __attribute__((aligned(64)));
    const int phase_h = GROUP_ID(2) / PHASES_W, phase_w = GROUP_ID(2) % PHASES_W;
    const int first_h = FIRST(TAPS_H, KH, PHASES_H, phase_h), first_w = FIRST(TAPS_W, KW, PHASES_W, phase_w);
    const int row_begin = GROUP_ID(0) * ROW_BLOCKS, col_begin = GROUP_ID(1) * COL_BLOCKS;
    const int each = RUN ? RUN_STEPS : TAPS_W - first_w;
    a += a_offset + (RUN ? 0 : first_w * STEP_WORDS);
    b += b_offset + (long)GROUP_ID(2) * ((n + BLOCK_COLS - 1) / BLOCK_COLS) * steps * (2 * B_WORDS);
    ENGINE_OPEN
    for (int j = col_begin; j < col_begin + COL_BLOCKS && j * BLOCK_COLS < n; j++) {
        for (int i = row_begin; i < row_begin + ROW_BLOCKS && i * BLOCK_ROWS < positions; i++) {
            __global const uint *left = a + (long)i * (BLOCK_ROWS * PITCH);
            __global const uint *right = b + (long)j * steps * (2 * B_WORDS);
            ENGINE_BEGIN
            for (int block = 0; block < BLOCKS; block++) {
                for (int tap = first_h; tap < TAPS_H; tap++) {
                    __global const uint *line = left + (block * STRIDE_H + tap * TAP_H % STRIDE_H) * plane_words +
                                                tap * TAP_H / STRIDE_H * (WIDTH * POSITION_WORDS);
                    for (int t = 0; t < each; t++, line += STEP_WORDS, right += 2 * B_WORDS) {
                        ENGINE_STEP(line, (line + ENGINE_ROWS * PITCH), PITCH, right, (right + B_WORDS))
                    }
                }
            }
            ENGINE_STORE(sums)
            GROUP_BARRIER
            NAME(hand_over)(sums, i * BLOCK_ROWS, positions, j * BLOCK_COLS, n, phase_h, phase_w, STORE_ARGS);
            GROUP_BARRIER
        }
    }
    ENGINE_CLOSE
}
