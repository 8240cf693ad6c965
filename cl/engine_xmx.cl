/* Matrix engine of Intel's GPUs with XMX (interface: engine_fma.cl): a fragment of 8 x 8 sums by a sub-group of 8.
 * Lane l holds pair l of each row of a, column l of each pair of b, and column l of each row of the sums.
 * Source: cl_intel_subgroup_matrix_multiply_accumulate.                                            */
#define ENGINE_ITEMS 8
#define ENGINE_ROWS 8
#define ENGINE_COLS 8
#define ENGINE_PAIRS 8
#define ENGINE_MEMORY __local
#define ENGINE_ATTRIBUTES                                                                                    \
    __attribute__((reqd_work_group_size(8, 1, 1))) __attribute__((intel_reqd_sub_group_size(8)))

float8 __attribute__((overloadable)) intel_sub_group_bf16_bf16_matrix_mad_k16(int8 a, int8 b, float8 sums);

/* Word `lane` of each line. */
#define LANE ((int)get_local_id(0))
#define WORD(from, pitch, line) (int)from[(line) * (pitch) + LANE]
#define LOAD_FRAGMENT(from, pitch, at)                                                                       \
    const int8 at = (int8)(WORD(from, pitch, 0), WORD(from, pitch, 1), WORD(from, pitch, 2),                 \
                           WORD(from, pitch, 3), WORD(from, pitch, 4), WORD(from, pitch, 5),                 \
                           WORD(from, pitch, 6), WORD(from, pitch, 7));
#define PUT(c, to)                                                                                           \
    (to)[LANE] = c.s0, (to)[LANE + 16] = c.s1, (to)[LANE + 32] = c.s2, (to)[LANE + 48] = c.s3,               \
    (to)[LANE + 64] = c.s4, (to)[LANE + 80] = c.s5, (to)[LANE + 96] = c.s6, (to)[LANE + 112] = c.s7;

#define ENGINE_OPEN
#define ENGINE_BEGIN float8 c00 = (float8)(0.0f), c01 = c00, c10 = c00, c11 = c00;
#define ENGINE_STEP(from_a0, from_a1, pitch, from_b0, from_b1)                                               \
    {                                                                                                        \
        LOAD_FRAGMENT(from_a0, pitch, a0)                                                                    \
        LOAD_FRAGMENT(from_a1, pitch, a1)                                                                    \
        LOAD_FRAGMENT(from_b0, 8, b0)                                                                        \
        LOAD_FRAGMENT(from_b1, 8, b1)                                                                        \
        c00 = intel_sub_group_bf16_bf16_matrix_mad_k16(a0, b0, c00);                                         \
        c01 = intel_sub_group_bf16_bf16_matrix_mad_k16(a0, b1, c01);                                         \
        c10 = intel_sub_group_bf16_bf16_matrix_mad_k16(a1, b0, c10);                                         \
        c11 = intel_sub_group_bf16_bf16_matrix_mad_k16(a1, b1, c11);                                         \
    }
#define ENGINE_STORE(to) PUT(c00, to) PUT(c01, to + 8) PUT(c10, to + 8 * 16) PUT(c11, to + 8 * 16 + 8)
#define ENGINE_CLOSE
