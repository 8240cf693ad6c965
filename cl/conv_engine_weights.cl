/* The weights of a convolution on a matrix engine (conv_engine.cl): f32 to bfloat16 fragments,
 *     [phases][panels of 2 WIDTH columns][steps][2][PAIRS][WIDTH] words
 * A step is PAIRS pairs of channels of a tap, or, RUN, of the line of CHANNELS_EACH channels for each tap of a row. Columns
 * are channels of the result. Taps: a of a row of A; of phase f the tap PHASES (TAPS - 1 - a) + f (to x), a (forward); those
 * below the phase's first one are left out. w at column * COLUMN + channel * CHANNEL + kh * ROW + kw * TAP.
 *
 * A work-item packs a step. VEC 16 (PAIRS = WIDTH = 16, COLUMN or CHANNEL 1, whole blocks of channels): line by line.
 * Local memory: none.                                                                              */
#define FIRST(taps, kernel, phases, phase) ((taps) - ((kernel) - (phase) + (phases)-1) / (phases))
#define TAP_OF(a, taps, phases, phase) (TO_X ? (phases) * ((taps)-1 - (a)) + (phase) : (a))

#if VEC == 16
static void NAME(half_step)(__global const float *w, __global uint *to, const int column, const int columns)
{
    uint16 words[16];
    for (int i = 0; i < 16; i++) {
#if CHANNEL == 1
        __global const float *from = w + (long)min(column + i, columns - 1) * COLUMN;
        words[i] = (uint16)(NAME(pairs)(vload16(0, from)), NAME(pairs)(vload16(1, from)));
        if (column + i >= columns) words[i] = (uint16)(0);
#else
        float even[16], odd[16];
        for (int c = 0; c < 16 && column + 16 > columns; c++) {
            even[c] = column + c < columns ? w[column + c + (2 * i) * (long)CHANNEL] : 0.0f;
            odd[c] = column + c < columns ? w[column + c + (2 * i + 1) * (long)CHANNEL] : 0.0f;
        }
        const int whole = column + 16 <= columns;
        words[i] = NAME(round_all)(whole ? vload16(0, w + column + (2 * i) * (long)CHANNEL) : vload16(0, even)) >> 16 |
                   (NAME(round_all)(whole ? vload16(0, w + column + (2 * i + 1) * (long)CHANNEL) : vload16(0, odd)) &
                    0xffff0000u);
#endif
    }
#if CHANNEL == 1
    NAME(turn)(words);
#endif
    for (int i = 0; i < 16; i++) vstore16(words[i], i, to);
}
#else
static float NAME(weight)(__global const float *w, const int column, const int columns, const int channel)
{
    return column < columns && channel < CHANNELS ? w[column * (long)COLUMN + channel * (long)CHANNEL] : 0.0f;
}
#endif

KERNEL NAME(conv_engine_weights)(__global const float *w, const ulong w_offset, __global float *packed,
                                 const ulong packed_offset, const int columns, const int steps)
{
    const int panel = get_global_id(1), phase_h = get_global_id(2) / PHASES_W, phase_w = get_global_id(2) % PHASES_W;
    const int first_h = FIRST(TAPS_H, KH, PHASES_H, phase_h), first_w = FIRST(TAPS_W, KW, PHASES_W, phase_w);
    const int lines = TAPS_H - first_h, each = RUN ? RUN_STEPS : TAPS_W - first_w;
    const int step = get_global_id(0), block = step / each / lines;
    if (block >= BLOCKS) return;
    const int kh = TAP_OF(first_h + step / each % lines, TAPS_H, PHASES_H, phase_h);
    const int panels = (columns + 2 * WIDTH - 1) / (2 * WIDTH);
    __global uint *to = (__global uint *)(packed + packed_offset) +
                        (((long)get_global_id(2) * panels + panel) * steps + step) * (2 * WIDTH * PAIRS);
    w += w_offset + kh * (long)ROW;
    for (int half_ = 0; half_ < 2; half_++, to += WIDTH * PAIRS) {
        const int column = (panel * 2 + half_) * WIDTH;
#if VEC == 16
        const int kw = TAP_OF(first_w + step % each, TAPS_W, PHASES_W, phase_w);
        NAME(half_step)(w + kw * (long)TAP + block * (2L * PAIRS * CHANNEL), to, column, columns);
#else
        for (int i = 0; i < PAIRS; i++) {
            const int word = RUN ? step % each * PAIRS + i : i, tap = RUN ? word / (CHANNELS_EACH / 2) : step % each;
            const int channel = RUN ? word % (CHANNELS_EACH / 2) * 2 : block * CHANNELS_EACH + 2 * i;
            __global const float *from = w + TAP_OF(first_w + tap, TAPS_W, PHASES_W, phase_w) * (long)TAP;
            for (int c = 0; c < WIDTH; c++)
                to[i * WIDTH + c] = NAME(round)(NAME(weight)(from, column + c, columns, channel)) |
                                    NAME(round)(NAME(weight)(from, column + c, columns, channel + 1)) << 16;
        }
#endif
    }
}
