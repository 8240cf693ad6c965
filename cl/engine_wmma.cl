/* Matrix engine of AMD's RDNA 3 GPUs (interface: engine_fma.cl): a fragment of 16 x 16 sums by a wave of 32. Lanes l
 * and l + 16 both hold row l of a and column l of b, whole; element e of lane l is row 2 e + l / 16, column l % 16 of
 * the sums.
 * Source: AMD, RDNA3 Instruction Set Architecture, "Wave Matrix Multiply Accumulate".              */
#define ENGINE_ITEMS 32
#define ENGINE_ROWS 16
#define ENGINE_COLS 16
#define ENGINE_PAIRS 8
#define ENGINE_MEMORY __local
#define ENGINE_ATTRIBUTES __attribute__((reqd_work_group_size(32, 1, 1)))

/* Of this kernel alone: a program may hold several. */
typedef short NAME(bf16x16) __attribute__((ext_vector_type(16)));
typedef union {
    uint8 words;
    NAME(bf16x16) values;
} NAME(fragment);

#define LANE ((int)get_local_id(0))
#define ITEM (LANE % 16)
#define LOAD_A(from, pitch, at)                                                                              \
    NAME(fragment) at;                                                                                       \
    at.words = vload8(0, from + ITEM * (pitch));
#define LOAD_B(from, at)                                                                                     \
    NAME(fragment) at;                                                                                       \
    at.words = (uint8)(from[ITEM], from[ITEM + 16], from[ITEM + 32], from[ITEM + 48], from[ITEM + 64],       \
                       from[ITEM + 80], from[ITEM + 96], from[ITEM + 112]);
#define MULTIPLY(c, a, b) c = __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(a.values, b.values, c);
#define PUT(c, to)                                                                                           \
    (to)[LANE / 16 * 32 + ITEM] = c.s0, (to)[(LANE / 16 + 2) * 32 + ITEM] = c.s1,                            \
    (to)[(LANE / 16 + 4) * 32 + ITEM] = c.s2, (to)[(LANE / 16 + 6) * 32 + ITEM] = c.s3,                      \
    (to)[(LANE / 16 + 8) * 32 + ITEM] = c.s4, (to)[(LANE / 16 + 10) * 32 + ITEM] = c.s5,                     \
    (to)[(LANE / 16 + 12) * 32 + ITEM] = c.s6, (to)[(LANE / 16 + 14) * 32 + ITEM] = c.s7;

#define ENGINE_OPEN
#define ENGINE_BEGIN float8 c00 = (float8)(0.0f), c01 = c00, c10 = c00, c11 = c00;
#define ENGINE_STEP(from_a0, from_a1, pitch, from_b0, from_b1)                                               \
    {                                                                                                        \
        LOAD_A(from_a0, pitch, a0) LOAD_A(from_a1, pitch, a1) LOAD_B(from_b0, b0) LOAD_B(from_b1, b1)        \
        MULTIPLY(c00, a0, b0) MULTIPLY(c01, a0, b1) MULTIPLY(c10, a1, b0) MULTIPLY(c11, a1, b1)              \
    }
#define ENGINE_STORE(to) PUT(c00, to) PUT(c01, to + 16) PUT(c10, to + 16 * 32) PUT(c11, to + 16 * 32 + 16)
#define ENGINE_CLOSE
