/* Matrix engine of any device: bfloat16 pairs unpacked, f32 multiply-adds. The interface of all engine_*.cl:
 *
 * A block is 2 x 2 fragments of ENGINE_ROWS x ENGINE_COLS sums (f32). Operands are packed words of two bfloat16, the
 * lower half is the even step of k:
 *     fragment of a: [ENGINE_ROWS][ENGINE_PAIRS]      fragment of b: [ENGINE_PAIRS][ENGINE_COLS]
 * The rows of a may lie further apart, `pitch` words. The ENGINE_ITEMS work-items of a group, one sub-group, hold a block
 * together (local size ENGINE_ITEMS).
 * ENGINE_OPEN, ENGINE_CLOSE           around all blocks of a work-item: takes the engine, gives it back
 * ENGINE_BEGIN                        declares the sums, all 0
 * ENGINE_STEP(a0, a1, pitch, b0, b1)  sums[r][c] += a_r b_c over 2 ENGINE_PAIRS steps of k
 * ENGINE_STORE(to)                    the block, [2 ENGINE_ROWS][2 ENGINE_COLS], to ENGINE_MEMORY float *to; a local
 *                                     one is whole after a barrier
 * ENGINE_ATTRIBUTES                   of the kernel                                               */
#define ENGINE_ITEMS 1
#define ENGINE_ROWS 4
#define ENGINE_COLS 4
#define ENGINE_PAIRS 1
#define ENGINE_MEMORY __private
#define ENGINE_ATTRIBUTES

static void NAME(engine_row)(float4 *sums, const uint pair, const uint4 b0, const uint4 b1)
{
    const float4 even = (float4)(as_float(pair << 16)), odd = (float4)(as_float(pair & 0xffff0000u));
    sums[0] = FMA(even, as_float4(b0 << 16), FMA(odd, as_float4(b0 & 0xffff0000u), sums[0]));
    sums[1] = FMA(even, as_float4(b1 << 16), FMA(odd, as_float4(b1 & 0xffff0000u), sums[1]));
}

static void NAME(engine_step)(float4 *sums, __global const uint *a0, __global const uint *a1, const long pitch,
                              const uint4 b0, const uint4 b1)
{
    for (int i = 0; i < 4; i++) {
        NAME(engine_row)(sums + 2 * i, a0[i * pitch], b0, b1);
        NAME(engine_row)(sums + 2 * i + 8, a1[i * pitch], b0, b1);
    }
}

#define ENGINE_OPEN
#define ENGINE_BEGIN                                                                                         \
    float4 engine_sums[16];                                                                                  \
    for (int i = 0; i < 16; i++) engine_sums[i] = (float4)(0.0f);
#define ENGINE_STEP(a0, a1, pitch, b0, b1)                                                                   \
    NAME(engine_step)(engine_sums, a0, a1, pitch, vload4(0, b0), vload4(0, b1));
#define ENGINE_STORE(to)                                                                                     \
    for (int i = 0; i < 16; i++) vstore4(engine_sums[i], i, to);
#define ENGINE_CLOSE
