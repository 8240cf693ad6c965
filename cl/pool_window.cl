/* Pooling forward over NHWC: y[n, oh, ow, c] = maximum or mean under the window.
 *
 * MEAN 0: the largest value; padding never wins, NaN does. MEAN 1: the mean, padding counts as zeros.
 * One work-item owns COLS_PER_ITEM neighbouring output pixels of a line and VEC channels (or the last
 * CHANNELS % VEC one by one). S0..S2: strides of x, channels are contiguous. Any local size, no local
 * memory.
 */
#define CHANNEL_BLOCKS ((CHANNELS + VEC - 1) / VEC)
#define LINE_ITEMS     ((YW + COLS_PER_ITEM - 1) / COLS_PER_ITEM)

#define IS_NAN(v, INT) ((CLG_CAT(as_, INT)(v) & 0x7fffffff) > 0x7f800000)
#define READ(p)        (*(p))

/* The window at (h, w) of one image, channels from `x` on. REAL is float or VF, INT its integer, LOAD its
 * read. */
#define WINDOW(REAL, INT, LOAD)                                                                              \
    const int top = PAD_H ? max(h, 0) : h, bottom = PAD_H ? min(h + WIN_H, XH) : h + WIN_H;                  \
    const int left = PAD_W ? max(w, 0) : w, right = PAD_W ? min(w + WIN_W, XW) : w + WIN_W;                  \
    REAL result = (REAL)(MEAN ? 0.0f : -INFINITY);                                                           \
    for (int i = top; i < bottom; i++)                                                                       \
        for (int j = left; j < right; j++) {                                                                 \
            const REAL u = LOAD(x + i * (long)S1 + j * (long)S2);                                            \
            if (MEAN)                                                                                        \
                result += u;                                                                                 \
            else                                                                                             \
                result = select(result, u, !(u <= result) & !IS_NAN(result, INT));                           \
        }                                                                                                    \
    return MEAN ? result / (REAL)(WIN_H * WIN_W) : result;

VF NAME(window_vector)(__global const float *x, const int h, const int w)
{
    WINDOW(VF, VI, VLOAD)
}
float NAME(window)(__global const float *x, const int h, const int w)
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
    const int h = (int)(line % YH) * STRIDE_H - PAD_H;
    __global const float *image = x + x_offset + line / YH * S0;
    for (int ow = ow0; ow < min(ow0 + COLS_PER_ITEM, YW); ow++) {
        const long row = line * YW + ow;
        const int w = ow * STRIDE_W - PAD_W;
        if (VEC > 1 && c + VEC <= CHANNELS) {
            STORE_V(row, c, NAME(window_vector)(image + c, h, w));
        } else {
            for (int i = c; i < min(c + VEC, CHANNELS); i++) {
                STORE_S(row, i, NAME(window)(image + i, h, w));
            }
        }
    }
}
