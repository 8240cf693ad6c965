/* Philox4x32-10 (Salmon et al. 2011): element e of random node `ordinal` at `step` is word e % 4 of the block with
 * counter (e / 4, ordinal, step) and key = seed. The planner puts this text before kernels that draw random
 * numbers; it serves scalars and vectors of VEC.                                                  */
#define PHILOX_FUNCTION(U, L) PHILOX_FUNCTION_(U, L)
#define PHILOX_FUNCTION_(U, L)                                                                               \
    /* The four words of block `block`. */                                                                   \
    static void NAME(block_##U)(uint key0, uint key1, uint step, uint ordinal, L block, U word[4])           \
    {                                                                                                        \
        U c0 = convert_##U(block), c1 = convert_##U(block >> 32), c2 = (U)(ordinal), c3 = (U)(step);         \
        for (int round = 0; round < 10; ++round) {                                                           \
            U high0 = mul_hi((U)(0xD2511F53u), c0), low0 = c0 * 0xD2511F53u;                                 \
            U high1 = mul_hi((U)(0xCD9E8D57u), c2), low1 = c2 * 0xCD9E8D57u;                                 \
            c0 = high1 ^ c1 ^ key0;                                                                          \
            c1 = low1;                                                                                       \
            c2 = high0 ^ c3 ^ key1;                                                                          \
            c3 = low0;                                                                                       \
            key0 += 0x9E3779B9u;                                                                             \
            key1 += 0xBB67AE85u;                                                                             \
        }                                                                                                    \
        word[0] = c0, word[1] = c1, word[2] = c2, word[3] = c3;                                              \
    }                                                                                                        \
    static U NAME(philox_##U)(uint key0, uint key1, uint step, uint ordinal, L element)                      \
    {                                                                                                        \
        U word[4], place = convert_##U(element) & 3u;                                                        \
        NAME(block_##U)(key0, key1, step, ordinal, element >> 2, word);                                      \
        U low = select(word[0], word[1], place == 1u), high = select(word[2], word[3], place == 3u);         \
        return select(low, high, place >= 2u);                                                               \
    }
PHILOX_FUNCTION(uint, ulong)
#if defined VEC && VEC > 1
PHILOX_FUNCTION(VU, CLG_CAT(ulong, VEC))
#endif
#if defined VEC && VEC == 16
PHILOX_FUNCTION(uint4, ulong4)
/* Sixteen neighbours from a multiple of four on are four whole blocks: a quarter of the work. */
static uint16 NAME(philox_run)(uint key0, uint key1, uint step, uint ordinal, ulong first)
{
    uint4 w[4];
    if (first & 3) return NAME(philox_uint16)(key0, key1, step, ordinal, (ulong16)(first) + convert_ulong16(LANES_16));
    NAME(block_uint4)(key0, key1, step, ordinal, (ulong4)(first >> 2) + convert_ulong4(LANES_4), w);
    return (uint16)(w[0].s0, w[1].s0, w[2].s0, w[3].s0, w[0].s1, w[1].s1, w[2].s1, w[3].s1,
                    w[0].s2, w[1].s2, w[2].s2, w[3].s2, w[0].s3, w[1].s3, w[2].s3, w[3].s3);
}
#endif
/* The elements from e on when the vector runs along them, else e in every lane. */
#define ELEMENTS(e, along) CLG_CAT(ELEMENTS_, W)(e, along)
#define ELEMENTS_1(e, along) ((ulong)(e))
#define ELEMENTS_2(e, along) ((ulong2)((ulong)(e)) + convert_ulong2(along * LANES_2))
#define ELEMENTS_4(e, along) ((ulong4)((ulong)(e)) + convert_ulong4(along * LANES_4))
#define ELEMENTS_8(e, along) ((ulong8)((ulong)(e)) + convert_ulong8(along * LANES_8))
#define ELEMENTS_16(e, along) ((ulong16)((ulong)(e)) + convert_ulong16(along * LANES_16))
#define PHILOX_NAME CLG_CAT(PHILOX_NAME_, W)
#define PHILOX_NAME_1 philox_uint
#define PHILOX_NAME_2 philox_uint2
#define PHILOX_NAME_4 philox_uint4
#define PHILOX_NAME_8 philox_uint8
#define PHILOX_NAME_16 philox_uint16
#define RANDOM_BITS(low, high, step, ordinal, e, along) CLG_CAT(RANDOM_BITS_, along)(low, high, step, ordinal, e)
#define RANDOM_BITS_0(low, high, step, ordinal, e)                                                           \
    CLG_CAT(PHILOX_NAME, CLG_CAT(_, KERNEL_ID))(low, high, step, ordinal, ELEMENTS(e, 0))
#define RANDOM_BITS_1(low, high, step, ordinal, e) CLG_CAT(RANDOM_RUN_, W)(low, high, step, ordinal, e)
#define RANDOM_RUN(low, high, step, ordinal, e)                                                              \
    CLG_CAT(PHILOX_NAME, CLG_CAT(_, KERNEL_ID))(low, high, step, ordinal, ELEMENTS(e, 1))
#define RANDOM_RUN_1 RANDOM_RUN
#define RANDOM_RUN_2 RANDOM_RUN
#define RANDOM_RUN_4 RANDOM_RUN
#define RANDOM_RUN_8 RANDOM_RUN
#define RANDOM_RUN_16(low, high, step, ordinal, e) NAME(philox_run)(low, high, step, ordinal, (ulong)(e))
#define RANDOM_UNIFORM(low, high, step, ordinal, e, along)                                                   \
    (CONVERT_F(RANDOM_BITS(low, high, step, ordinal, e, along) >> 8) * 5.9604644775390625e-8f)
