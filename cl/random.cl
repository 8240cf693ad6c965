/* Philox4x32-10 (Salmon et al. 2011): element e of random node `ordinal` at `step` is word e % 4 of the block with
 * counter (e / 4, ordinal, step) and key = seed. The planner puts this text before kernels that draw random
 * numbers; it serves scalars and vectors of VEC.
 *
 * Words of vectors are the low halves of 64-bit lanes: CPUs multiply two such halves in one instruction, and nobody looks
 * at what lies above them. Of scalars they are 32 bits: GPUs have no registers to waste.            */
#define LOW_HALF(x) ((x) & 0xFFFFFFFFul)
#define PHILOX_ROUND(L, P, round)                                                                            \
    {                                                                                                        \
        const P product0 = LOW_HALF(c0) * 0xD2511F53ul, product1 = LOW_HALF(c2) * 0xCD9E8D57ul;              \
        c0 = (L)(product1 >> 32) ^ c1 ^ (L)((ulong)(key0 + round##u * 0x9E3779B9u));                         \
        c1 = (L)product1;                                                                                    \
        c2 = (L)(product0 >> 32) ^ c3 ^ (L)((ulong)(key1 + round##u * 0xBB67AE85u));                         \
        c3 = (L)product0;                                                                                    \
    }
/* L: words, P: their products. */
#define PHILOX_BLOCKS(L, P) PHILOX_BLOCKS_(L, P)
#define PHILOX_BLOCKS_(L, P)                                                                                 \
    /* The four words of each block. (A loop would not be unrolled, and would keep its keys in vectors.) */  \
    static void NAME(block_##L)(uint key0, uint key1, uint step, uint ordinal, P block, L word[4])           \
    {                                                                                                        \
        L c0 = (L)block, c1 = (L)(block >> 32), c2 = (L)((ulong)ordinal), c3 = (L)((ulong)step);             \
        PHILOX_ROUND(L, P, 0) PHILOX_ROUND(L, P, 1) PHILOX_ROUND(L, P, 2) PHILOX_ROUND(L, P, 3)              \
        PHILOX_ROUND(L, P, 4) PHILOX_ROUND(L, P, 5) PHILOX_ROUND(L, P, 6) PHILOX_ROUND(L, P, 7)              \
        PHILOX_ROUND(L, P, 8) PHILOX_ROUND(L, P, 9)                                                          \
        word[0] = (L)LOW_HALF(c0), word[1] = (L)LOW_HALF(c1);                                                \
        word[2] = (L)LOW_HALF(c2), word[3] = (L)LOW_HALF(c3);                                                \
    }
PHILOX_BLOCKS(uint, ulong)
static uint NAME(philox_uint)(uint key0, uint key1, uint step, uint ordinal, ulong element)
{
    uint word[4];
    NAME(block_uint)(key0, key1, step, ordinal, element >> 2, word);
    const uint low = element & 1 ? word[1] : word[0], high = element & 1 ? word[3] : word[2];
    return element & 2 ? high : low;
}

#if defined VEC && VEC > 1
#define PHILOX_LANES CLG_CAT(ulong, VEC)
PHILOX_BLOCKS(PHILOX_LANES, PHILOX_LANES)
/* Each lane an element of its own. */
static VU NAME(CLG_CAT(philox_uint, VEC))(uint key0, uint key1, uint step, uint ordinal, PHILOX_LANES element)
{
    PHILOX_LANES word[4];
    NAME(CLG_CAT(block_, PHILOX_LANES))(key0, key1, step, ordinal, element >> 2, word);
    const VU place = CLG_CAT(convert_uint, VEC)(element & 3);
    const VU low = select(CLG_CAT(convert_uint, VEC)(word[0]), CLG_CAT(convert_uint, VEC)(word[1]), place == 1u);
    const VU high = select(CLG_CAT(convert_uint, VEC)(word[2]), CLG_CAT(convert_uint, VEC)(word[3]), place == 3u);
    return select(low, high, place >= 2u);
}
#endif

/* The elements from e on. */
#define ELEMENTS_2(e) ((ulong2)((ulong)(e)) + convert_ulong2(LANES_2))
#define ELEMENTS_4(e) ((ulong4)((ulong)(e)) + convert_ulong4(LANES_4))
#define ELEMENTS_8(e) ((ulong8)((ulong)(e)) + convert_ulong8(LANES_8))
#define ELEMENTS_16(e) ((ulong16)((ulong)(e)) + convert_ulong16(LANES_16))
#if defined VEC && VEC >= 4
/* VEC neighbours from a multiple of four on: VEC / 4 whole blocks, a quarter of the work. */
#if VEC == 16
PHILOX_BLOCKS(ulong4, ulong4)
#elif VEC == 8
PHILOX_BLOCKS(ulong2, ulong2)
#endif
static VU NAME(philox_blocks)(uint key0, uint key1, uint step, uint ordinal, ulong block)
{
#if VEC == 16
    ulong4 w[4];
    NAME(block_ulong4)(key0, key1, step, ordinal, block + (ulong4)(0, 1, 2, 3), w);
    return convert_uint16((ulong16)(w[0], w[1], w[2], w[3])).s048c159d26ae37bf;
#elif VEC == 8
    ulong2 w[4];
    NAME(block_ulong2)(key0, key1, step, ordinal, block + (ulong2)(0, 1), w);
    return convert_uint8((ulong8)(w[0], w[1], w[2], w[3])).s02461357;
#else
    uint w[4];
    NAME(block_uint)(key0, key1, step, ordinal, block, w);
    return (uint4)(w[0], w[1], w[2], w[3]);
#endif
}
static VU NAME(philox_run)(uint key0, uint key1, uint step, uint ordinal, ulong first)
{
    if (first & 3)
        return NAME(CLG_CAT(philox_uint, VEC))(key0, key1, step, ordinal, CLG_CAT(ELEMENTS_, VEC)(first));
    return NAME(philox_blocks)(key0, key1, step, ordinal, first >> 2);
}
#endif

/* Vectors along the elements (along = 1), or one element for all lanes. */
#define RANDOM_BITS(low, high, step, ordinal, e, along) CLG_CAT(RANDOM_BITS_, along)(low, high, step, ordinal, e)
#define RANDOM_BITS_0(low, high, step, ordinal, e) ((U)(NAME(philox_uint)(low, high, step, ordinal, (ulong)(e))))
#define RANDOM_BITS_1(low, high, step, ordinal, e) CLG_CAT(RANDOM_RUN_, W)(low, high, step, ordinal, e)
#define RANDOM_RUN_1(low, high, step, ordinal, e) NAME(philox_uint)(low, high, step, ordinal, (ulong)(e))
#define RANDOM_RUN_2(low, high, step, ordinal, e) NAME(philox_uint2)(low, high, step, ordinal, ELEMENTS_2(e))
#define RANDOM_RUN_4(low, high, step, ordinal, e) NAME(philox_run)(low, high, step, ordinal, (ulong)(e))
#define RANDOM_RUN_8 RANDOM_RUN_4
#define RANDOM_RUN_16 RANDOM_RUN_4
#define RANDOM_UNIFORM(low, high, step, ordinal, e, along)                                                   \
    (CONVERT_F(RANDOM_BITS(low, high, step, ordinal, e, along) >> 8) * 5.9604644775390625e-8f)
