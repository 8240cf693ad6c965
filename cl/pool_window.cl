/* Pooling forward over NHWC: y[n, oh, ow, c] = maximum or mean under the window.
 *
 * MEAN 0: the largest value; padding never wins, NaN does. MEAN 1: the mean, padding counts as zeros.
 * ADAPTIVE 1: windows from floor(i in / out) to ceil((i + 1) in / out).
 * One work-item owns COLS_PER_ITEM neighbouring output pixels of a line and VEC channels (or the last
 * CHANNELS % VEC one by one). S0..S2: strides of x, channels are contiguous. Any local size, no local
 * memory.
 */
#define CHANNEL_BLOCKS ((CHANNELS + VEC - 1) / VEC)
#define LINE_ITEMS     ((YW + COLS_PER_ITEM - 1) / COLS_PER_ITEM)

#if ADAPTIVE
#define FIRST(i, in, out, stride, pad)    ((i) * (in) / (out))
#define END(i, in, out, stride, pad, win) ((((i) + 1) * (in) + (out)-1) / (out))
#else
#define FIRST(i, in, out, stride, pad)    ((pad) ? max((i) * (stride) - (pad), 0) : (i) * (stride))
#define END(i, in, out, stride, pad, win)                                                                    \
    ((pad) ? min((i) * (stride) - (pad) + (win), in) : (i) * (stride) + (win))
#endif

#define IS_NAN(v, INT) ((CLG_CAT(as_, INT)(v) & 0x7fffffff) > 0x7f800000)
#define READ(p)        (*(p))

/* Window (oh, ow) of one image, channels from `x` on. REAL is float or VF, INT its integer, LOAD its
 * read. */
#define WINDOW(REAL, INT, LOAD)                                                                              \
    const int top = FIRST(oh, XH, YH, STRIDE_H, PAD_H), bottom = END(oh, XH, YH, STRIDE_H, PAD_H, WIN_H);    \
    const int left = FIRST(ow, XW, YW, STRIDE_W, PAD_W), right = END(ow, XW, YW, STRIDE_W, PAD_W, WIN_W);    \
    const int area = ADAPTIVE ? (bottom - top) * (right - left) : WIN_H * WIN_W;                             \
    REAL result = (REAL)(MEAN ? 0.0f : -INFINITY);                                                           \
    for (int i = top; i < bottom; i++)                                                                       \
        for (int j = left; j < right; j++) {                                                                 \
            const REAL u = LOAD(x + i * (long)S1 + j * (long)S2);                                            \
            if (MEAN)                                                                                        \
                result += u;                                                                                 \
            else                                                                                             \
                result = select(result, u, !(u <= result) & !IS_NAN(result, INT));                           \
        }                                                                                                    \
    return MEAN ? result / (REAL)(area) : result;

VF NAME(window_vector)(__global const float *x, const int oh, const int ow)
{
    WINDOW(VF, VI, VLOAD)
}
float NAME(window)(__global const float *x, const int oh, const int ow)
{
    WINDOW(float, int, READ)
}

KERNEL NAME(pool_window)(__global const float *x, const ulong x_offset, const long items, STORE_PARAMS)
{
    const long item = get_global_id(0);
    if (item >= items) return;
    const int c = (int)(item % CHANNEL_BLOCKS) * VEC;
    const int ow0 = (int)(item / CHANNEL_BLOCKS % LINE_ITEMS) * COLS_PER_ITEM;
    const long line = item / (CHANNEL_BLOCKS * LINE_ITEMS);
    const int oh = (int)(line % YH);
    __global const float *image = x + x_offset + line / YH * S0;
    for (int ow = ow0; ow < min(ow0 + COLS_PER_ITEM, YW); ow++) {
        const long row = line * YW + ow;
        if (VEC > 1 && c + VEC <= CHANNELS) {
            STORE_V(row, c, NAME(window_vector)(image + c, oh, ow));
        } else {
            for (int i = c; i < min(c + VEC, CHANNELS); i++) {
                STORE_S(row, i, NAME(window)(image + i, oh, ow));
            }
        }
    }
}
