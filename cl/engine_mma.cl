/* Matrix engine of NVIDIA's GPUs from compute capability 8.0 (interface: engine_fma.cl): a fragment of 16 x 8 sums by a
 * warp of 32. Lane l holds pairs l % 4 and l % 4 + 4 of rows l / 4 and l / 4 + 8 of a, the same pairs of column l / 4
 * of b, and columns 2 (l % 4), 2 (l % 4) + 1 of those rows of the sums.
 * Source: PTX ISA, "Matrix fragments for mma.m16n8k16".                                            */
#define ENGINE_ITEMS 32
#define ENGINE_ROWS 16
#define ENGINE_COLS 8
#define ENGINE_PAIRS 8
#define ENGINE_MEMORY __local
#define ENGINE_ATTRIBUTES __attribute__((reqd_work_group_size(32, 1, 1)))

#define LANE ((int)get_local_id(0))
#define A_WORD(from, pitch, row, pair) from[(LANE / 4 + (row)) * (pitch) + LANE % 4 + (pair)]
#define LOAD_A(from, pitch, at)                                                                              \
    const uint4 at = (uint4)(A_WORD(from, pitch, 0, 0), A_WORD(from, pitch, 8, 0), A_WORD(from, pitch, 0, 4), \
                             A_WORD(from, pitch, 8, 4));
#define LOAD_B(from, at)                                                                                     \
    const uint2 at = (uint2)(from[LANE % 4 * 8 + LANE / 4], from[(LANE % 4 + 4) * 8 + LANE / 4]);
#define MULTIPLY(c, a, b)                                                                                    \
    __asm__ volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "                                  \
                     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                       \
                     : "+f"(c.x), "+f"(c.y), "+f"(c.z), "+f"(c.w)                                            \
                     : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y));
#define PUT(c, to)                                                                                           \
    vstore2(c.xy, 0, to + LANE / 4 * 16 + LANE % 4 * 2);                                                     \
    vstore2(c.zw, 0, to + (LANE / 4 + 8) * 16 + LANE % 4 * 2);

#define ENGINE_OPEN
#define ENGINE_BEGIN float4 c00 = (float4)(0.0f), c01 = c00, c10 = c00, c11 = c00;
#define ENGINE_STEP(from_a0, from_a1, pitch, from_b0, from_b1)                                               \
    {                                                                                                        \
        LOAD_A(from_a0, pitch, a0) LOAD_A(from_a1, pitch, a1) LOAD_B(from_b0, b0) LOAD_B(from_b1, b1)        \
        MULTIPLY(c00, a0, b0) MULTIPLY(c01, a0, b1) MULTIPLY(c10, a1, b0) MULTIPLY(c11, a1, b1)              \
    }
#define ENGINE_STORE(to) PUT(c00, to) PUT(c01, to + 8) PUT(c10, to + 16 * 16) PUT(c11, to + 16 * 16 + 8)
#define ENGINE_CLOSE
