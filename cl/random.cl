/* Philox4x32-10 (Salmon et al. 2011): element e of random node `ordinal` at `step` is word e % 4 of the block with
 * counter (e / 4, ordinal, step) and key = seed. The planner puts this text before kernels that draw random
 * numbers; it serves scalars and vectors of VEC.                                                  */
#define PHILOX_FUNCTION(U, L) PHILOX_FUNCTION_(U, L)
#define PHILOX_FUNCTION_(U, L)                                                                               \
    static U NAME(philox_##U)(uint key0, uint key1, uint step, uint ordinal, L element)                      \
    {                                                                                                        \
        U c0 = convert_##U(element >> 2), c1 = convert_##U(element >> 34);                                   \
        U c2 = (U)(ordinal), c3 = (U)(step);                                                                 \
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
        U word = convert_##U(element) & 3u;                                                                  \
        U low = select(c0, c1, word == 1u), high = select(c2, c3, word == 3u);                               \
        return select(low, high, word >= 2u);                                                                \
    }
PHILOX_FUNCTION(uint, ulong)
#if defined VEC && VEC > 1
PHILOX_FUNCTION(VU, CLG_CAT(ulong, VEC))
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
#define RANDOM_BITS(low, high, step, ordinal, e, along)                                                      \
    CLG_CAT(PHILOX_NAME, CLG_CAT(_, KERNEL_ID))(low, high, step, ordinal, ELEMENTS(e, along))
#define RANDOM_UNIFORM(low, high, step, ordinal, e, along)                                                   \
    (CONVERT_F(RANDOM_BITS(low, high, step, ordinal, e, along) >> 8) * 5.9604644775390625e-8f)
