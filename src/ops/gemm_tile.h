/* The inner loop of gemm_host.c for one vector type; included once per instruction set with
 *   TILE(name) makes the functions' names    TILE_TARGET  their target attribute    TILE_ROWS x (2 LANES) the
 * tile of c VECTOR, ZERO, LOAD(p), STORE(p, v), SPREAD(x), MULTIPLY_ADD(a, b, c). A's block lies as its lines
 * come, along k or across it: no transposing. Not a header of its own: it has no guard. */
TILE_TARGET CLGI_INLINE void TILE(body)(int64_t k, const float *a, int64_t row_step, int64_t k_step,
                                        const float *b, float *c, int64_t ldc, int add)
{
    VECTOR sum[TILE_ROWS][2];
#pragma GCC unroll 16
    for (int r = 0; r < TILE_ROWS; ++r) {
        sum[r][0] = add ? LOAD(c + r * ldc) : ZERO;
        sum[r][1] = add ? LOAD(c + r * ldc + LANES) : ZERO;
    }
    for (int64_t i = 0; i < k; ++i, b += 2 * LANES) {
        const VECTOR b0 = LOAD(b), b1 = LOAD(b + LANES);
#pragma GCC unroll 16
        for (int r = 0; r < TILE_ROWS; ++r) {
            const VECTOR x = SPREAD(a[r * row_step + i * k_step]);
            sum[r][0] = MULTIPLY_ADD(x, b0, sum[r][0]);
            sum[r][1] = MULTIPLY_ADD(x, b1, sum[r][1]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < TILE_ROWS; ++r) {
        STORE(c + r * ldc, sum[r][0]);
        STORE(c + r * ldc + LANES, sum[r][1]);
    }
}

TILE_TARGET static void TILE(along)(int64_t k, const float *a, const float *b, float *c, int64_t ldc, int add)
{
    TILE(body)(k, a, A_STRIDE, 1, b, c, ldc, add);
}

TILE_TARGET static void TILE(across)(int64_t k, const float *a, const float *b, float *c, int64_t ldc,
                                     int add)
{
    TILE(body)(k, a, 1, M_BLOCK, b, c, ldc, add);
}
#undef TILE
#undef TILE_TARGET
#undef TILE_ROWS
#undef LANES
#undef VECTOR
#undef ZERO
#undef LOAD
#undef STORE
#undef SPREAD
#undef MULTIPLY_ADD
