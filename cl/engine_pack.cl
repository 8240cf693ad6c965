/* What the packs for matrix engines share: f32 to words of two bfloat16, the lower half first. Rounding is to nearest, ties
 * to even; a NaN stays one. VEC 16 adds whole lines of 16 words, and 16 x 16 words turned in registers. */
static uint NAME(round)(const float x)
{
    const uint bits = as_uint(x), rounded = bits + 0x7fff + (bits >> 16 & 1);
    return (x == x ? rounded : bits | 0x400000) >> 16;
}

#if VEC == 16
/* Rounded, in the upper halves; the lower ones are what they may be. */
static uint16 NAME(round_all)(const float16 x)
{
    const uint16 bits = as_uint16(x), rounded = bits + 0x7fff + (bits >> 16 & 1);
    return select(rounded, bits | 0x400000, x != x);
}

/* Pairs of neighbours. */
static uint8 NAME(pairs)(const float16 x)
{
    return as_uint8(convert_ushort16(NAME(round_all)(x) >> 16));
}

#define ZIP_LOW(a, b)                                                                                        \
    (uint16)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)
#define ZIP_HIGH(a, b)                                                                                       \
    (uint16)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf)

/* Lines i and i + 8 zipped, four times over: rows become columns. */
static void NAME(turn)(uint16 *lines)
{
    for (int round = 0; round < 4; round++) {
        uint16 zipped[16];
        for (int i = 0; i < 8; i++) {
            zipped[2 * i] = ZIP_LOW(lines[i], lines[i + 8]);
            zipped[2 * i + 1] = ZIP_HIGH(lines[i], lines[i + 8]);
        }
        for (int i = 0; i < 16; i++) lines[i] = zipped[i];
    }
}
#endif
