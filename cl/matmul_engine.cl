/* c[batch, m, n] = sum over k of a[batch, m, k] b[batch, k, n] by a matrix engine (engine_*.cl): products of bfloat16, sums
 * f32. a and b are packed (matmul_engine_pack.cl):
 *     a: [batch][panels of 2 ENGINE_ROWS rows][blocks of k][2][fragment]      b: likewise by 2 ENGINE_COLS columns
 * padded with zeros to whole fragments, and to an even number of them. A group makes ROW_BLOCKS x COL_BLOCKS blocks,
 * column by column: its panels of a are read again for each, from a near cache, a panel of b is read once from a far one.
 *
 * Local size (ENGINE_ITEMS, 1, 1). Global size: blocks of rows / ROW_BLOCKS * ENGINE_ITEMS, of columns / COL_BLOCKS, batch.
 * Local or private memory: 16 ENGINE_ROWS ENGINE_COLS bytes. Accumulators f32.                     */
#define BLOCK_ROWS (2 * ENGINE_ROWS)
#define BLOCK_COLS (2 * ENGINE_COLS)
#define A_WORDS (ENGINE_ROWS * ENGINE_PAIRS)
#define B_WORDS (ENGINE_COLS * ENGINE_PAIRS)
#if ENGINE_ITEMS > 1
#define GROUP_BARRIER barrier(CLK_LOCAL_MEM_FENCE);
#else
#define GROUP_BARRIER
#endif

static void NAME(hand_over)(const ENGINE_MEMORY float *sums, const long row, const long row_end, const long col, const long n,
                     STORE_PARAMS)
{
    for (uint at = get_local_id(0); at < BLOCK_ROWS * BLOCK_COLS / VEC; at += ENGINE_ITEMS) {
        const uint in_col = at % (BLOCK_COLS / VEC) * VEC;
        const long to_row = row + at / (BLOCK_COLS / VEC), to_col = col + in_col;
        if (to_row >= row_end) break;
        if (to_col + VEC <= n)
            STORE_V(to_row, to_col, VLOAD(sums + at * VEC));
        else
            for (int i = 0; i < n - to_col; i++) STORE_S(to_row, to_col + i, sums[at * VEC + i]);
    }
}

ENGINE_ATTRIBUTES KERNEL NAME(matmul_engine)(__global const uint *a, const ulong a_offset, __global const uint *b,
                                             const ulong b_offset, const long m, const long n, const int k_blocks,
                                             const long a_matrix, const long b_matrix, STORE_PARAMS)
{
    ENGINE_MEMORY float sums[BLOCK_ROWS * BLOCK_COLS] __attribute__((aligned(64)));
    const long matrix = GROUP_ID(2), first_row = matrix * m;
    const int row_begin = GROUP_ID(0) * ROW_BLOCKS, col_begin = GROUP_ID(1) * COL_BLOCKS;
    a += a_offset + matrix * a_matrix;
    b += b_offset + matrix * b_matrix;
    ENGINE_OPEN
    for (int j = col_begin; j < col_begin + COL_BLOCKS && (long)j * BLOCK_COLS < n; j++) {
        for (int i = row_begin; i < row_begin + ROW_BLOCKS && (long)i * BLOCK_ROWS < m; i++) {
            __global const uint *left = a + (long)i * k_blocks * (2 * A_WORDS);
            __global const uint *right = b + (long)j * k_blocks * (2 * B_WORDS);
            ENGINE_BEGIN
            for (int t = 0; t < k_blocks; t++, left += 2 * A_WORDS, right += 2 * B_WORDS) {
                ENGINE_STEP(left, (left + A_WORDS), ENGINE_PAIRS, right, (right + B_WORDS))
            }
            ENGINE_STORE(sums)
            GROUP_BARRIER
            NAME(hand_over)(sums, first_row + (long)i * BLOCK_ROWS, first_row + m, (long)j * BLOCK_COLS, n, STORE_ARGS);
            GROUP_BARRIER
        }
    }
    ENGINE_CLOSE
}
