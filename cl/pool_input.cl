/* Gradient of pooling to its input, NHWC, gathered: each pixel of x adds what its windows give it, in
 * row-major order of the windows. No atomics.
 *
 * MEAN 0: dy goes to the first maximum of its window in row-major order (NaN counts as maximum), found again
 * from x. MEAN 1: dy / window size to every pixel.
 * ADAPTIVE 1: windows from floor(i in / out) to ceil((i + 1) in / out).
 * DISJOINT 0: one work-item owns COLS_PER_ITEM neighbouring pixels of a line of x and VEC channels (or the
 *   last CHANNELS % VEC one by one).
 * DISJOINT 1 (no padding, stride >= window): COLS_PER_ITEM cells of STRIDE_H x STRIDE_W pixels instead, so
 *   that each window is searched once.
 * STRIPS 1 (maximum, no channels left over): LINES_PER_ITEM lines of x, for which each window is searched once and the
 *   places of the lines of windows under way are kept in private memory.
 * Strides S0..S2 of x, T0..T2 of dy; channels are contiguous. Any local size, no local memory.
 */
#define CHANNEL_BLOCKS ((CHANNELS + VEC - 1) / VEC)

#define IS_NAN(v, INT) ((CLG_CAT(as_, INT)(v) & 0x7fffffff) > 0x7f800000)
#define READ(p)        (*(p))

/* `place`: first maximum of a window, as i XW + j. REAL is float or VF, INT its integer,
 * LOAD its read; the window is cut to [top, bottom) x [left, right). */
#define FIND_PLACE(REAL, INT, LOAD, top, bottom, left, right)                                                \
    REAL best = LOAD(x + (top) * (long)S1 + (left) * (long)S2);                                              \
    place = (INT)((top)*XW + (left));                                                                        \
    for (int i = top; i < (bottom); i++)                                                                     \
        for (int j = left; j < (right); j++) {                                                               \
            const REAL u = LOAD(x + i * (long)S1 + j * (long)S2);                                            \
            const INT larger = !(u <= best) & !IS_NAN(best, INT);                                            \
            best = select(best, u, larger);                                                                  \
            place = select(place, (INT)(i * XW + j), larger);                                                \
        }
#define GRADIENT(REAL, LOAD, area) (LOAD(dy + oh * (long)T1 + ow * (long)T2) / (REAL)(MEAN ? (area) : 1))

#if DISJOINT
/* Cell (oh, ow) of STRIDE_H x STRIDE_W pixels, which one window reaches, or none. */
#define CELL(REAL, INT, LOAD, STORE)                                                                         \
    const int h0 = oh * STRIDE_H, w0 = ow * STRIDE_W;                                                        \
    REAL d = (REAL)(0.0f);                                                                                   \
    INT place = (INT)(-1);                                                                                   \
    if (oh < YH && ow < YW) {                                                                                \
        d = GRADIENT(REAL, LOAD, WIN_H * WIN_W);                                                             \
        if (!MEAN) {                                                                                         \
            FIND_PLACE(REAL, INT, LOAD, h0, h0 + WIN_H, w0, w0 + WIN_W)                                      \
        }                                                                                                    \
    }                                                                                                        \
    for (int h = h0; h < min(h0 + STRIDE_H, XH); h++)                                                        \
        for (int w = w0; w < min(w0 + STRIDE_W, XW); w++) {                                                  \
            const int inside = h < h0 + WIN_H && w < w0 + WIN_W;                                             \
            const INT mine =                                                                                 \
                MEAN ? (INT)(0) == (INT)(!inside) : place == (INT)(inside ? h * XW + w : -2);               \
            STORE((n * XH + h) * XW + w, c, select((REAL)(0.0f), d, mine));                                  \
        }

void NAME(cell_vector)(__global const float *x, __global const float *dy, const long n, const int oh,
                       const int ow, const int c, STORE_PARAMS)
{
    CELL(VF, VI, VLOAD, STORE_V)
}

void NAME(cell)(__global const float *x, __global const float *dy, const long n, const int oh, const int ow,
                const int c, STORE_PARAMS)
{
    CELL(float, int, READ, STORE_S)
}
#else
/* Window i along an axis: its places, and the first and last window over place p. */
#if ADAPTIVE
#define FIRST(i, in, out, stride, pad)          ((i) * (in) / (out))
#define END(i, in, out, stride, pad, win)       ((((i) + 1) * (in) + (out)-1) / (out))
#define FROM_WINDOW(p, in, out, stride, pad, win) ((p) * (out) / (in))
#define TO_WINDOW(p, in, out, stride, pad)      ((((p) + 1) * (out) + (in)-1) / (in)-1)
#define AREA                                    ((bottom - top) * (right - left))
#else
#define FIRST(i, in, out, stride, pad)          max((i) * (stride) - (pad), 0)
#define END(i, in, out, stride, pad, win)       min((i) * (stride) - (pad) + (win), in)
#define FROM_WINDOW(p, in, out, stride, pad, win) max(0, ((p) + (pad) - (win) + (stride)) / (stride))
#define TO_WINDOW(p, in, out, stride, pad)      min((out)-1, ((p) + (pad)) / (stride))
#define AREA                                    (WIN_H * WIN_W)
#endif
/* Pixel (h, w) of one image, channels from `x` and `dy` on. */
#define PIXEL(REAL, INT, LOAD)                                                                               \
    REAL sum = (REAL)(0.0f);                                                                                 \
    const int oh_first = FROM_WINDOW(h, XH, YH, STRIDE_H, PAD_H, WIN_H);                                     \
    const int ow_first = FROM_WINDOW(w, XW, YW, STRIDE_W, PAD_W, WIN_W);                                     \
    for (int oh = oh_first; oh <= TO_WINDOW(h, XH, YH, STRIDE_H, PAD_H); oh++)                               \
        for (int ow = ow_first; ow <= TO_WINDOW(w, XW, YW, STRIDE_W, PAD_W); ow++) {                         \
            const int top = FIRST(oh, XH, YH, STRIDE_H, PAD_H);                                              \
            const int bottom = END(oh, XH, YH, STRIDE_H, PAD_H, WIN_H);                                      \
            const int left = FIRST(ow, XW, YW, STRIDE_W, PAD_W);                                             \
            const int right = END(ow, XW, YW, STRIDE_W, PAD_W, WIN_W);                                       \
            const INT here = (INT)(h * XW + w);                                                              \
            INT place = here;                                                                                \
            if (!MEAN) {                                                                                     \
                FIND_PLACE(REAL, INT, LOAD, top, bottom, left, right)                                        \
            }                                                                                                \
            sum += select((REAL)(0.0f), GRADIENT(REAL, LOAD, AREA), place == here);                          \
        }                                                                                                    \
    return sum;

VF NAME(pixel_vector)(__global const float *x, __global const float *dy, const int h, const int w)
{
    PIXEL(VF, VI, VLOAD)
}

float NAME(pixel)(__global const float *x, __global const float *dy, const int h, const int w)
{
    PIXEL(float, int, READ)
}

#if STRIPS
#define OVER ((WIN_H + STRIDE_H - 1) / STRIDE_H) /* lines of windows over a line of x */

/* The places of all windows of line oh. */
void NAME(find_line)(__global const float *x, const int oh, VI *places)
{
    const int top = FIRST(oh, XH, YH, STRIDE_H, PAD_H), bottom = END(oh, XH, YH, STRIDE_H, PAD_H, WIN_H);
    for (int ow = 0; ow < YW; ow++) {
        VI place;
        const int left = FIRST(ow, XW, YW, STRIDE_W, PAD_W), right = END(ow, XW, YW, STRIDE_W, PAD_W, WIN_W);
        FIND_PLACE(VF, VI, VLOAD, top, bottom, left, right)
        places[ow] = place;
    }
}

/* Lines [first, last) of image n, channels c .. c + VEC. */
void NAME(strip)(__global const float *x, __global const float *dy, const long n, const int first, const int last,
                 const int c, STORE_PARAMS)
{
    VI places[OVER * YW];
    int found = FROM_WINDOW(first, XH, YH, STRIDE_H, PAD_H, WIN_H);
    for (int h = first; h < last; h++) {
        const int oh_first = FROM_WINDOW(h, XH, YH, STRIDE_H, PAD_H, WIN_H);
        const int oh_last = TO_WINDOW(h, XH, YH, STRIDE_H, PAD_H);
        for (; found <= oh_last; found++) NAME(find_line)(x, found, places + found % OVER * YW);
        for (int w = 0; w < XW; w++) {
            VF sum = (VF)(0.0f);
            const int ow_first = FROM_WINDOW(w, XW, YW, STRIDE_W, PAD_W, WIN_W);
            const int ow_last = TO_WINDOW(w, XW, YW, STRIDE_W, PAD_W);
            for (int oh = oh_first; oh <= oh_last; oh++)
                for (int ow = ow_first; ow <= ow_last; ow++)
                    sum += select((VF)(0.0f), GRADIENT(VF, VLOAD, 1), places[oh % OVER * YW + ow] == h * XW + w);
            STORE_V((n * XH + h) * XW + w, c, sum);
        }
    }
}
#endif
#endif

/* The mean needs no x: dy stands in for it, unread. */
#if MEAN
#define X_PARAMS
#define X dy
#else
#define X_PARAMS __global const float *x, const ulong x_offset,
#define X        x
#endif
#if DISJOINT
#define LINES      ((XH + STRIDE_H - 1) / STRIDE_H)
#define LENGTH     ((XW + STRIDE_W - 1) / STRIDE_W)
#define PUT_VECTOR NAME(cell_vector)(X + c, dy + c, n, line, at, c, STORE_ARGS)
#define PUT_ONE    NAME(cell)(X + i, dy + i, n, line, at, i, STORE_ARGS)
#else
#define LINES      XH
#define LENGTH     XW
#define PUT_VECTOR STORE_V((n * XH + line) * XW + at, c, NAME(pixel_vector)(X + c, dy + c, line, at))
#define PUT_ONE                                                                                              \
    STORE_S((n * XH + line) * XW + at, i, NAME(pixel)(X + i, dy + i, line, at))
#endif
#if STRIPS
KERNEL NAME(pool_input)(__global const float *x, const ulong x_offset, __global const float *dy, const ulong dy_offset,
                        const long items, STORE_PARAMS)
{
    const long item = get_global_id(0);
    const int strips = (XH + LINES_PER_ITEM - 1) / LINES_PER_ITEM;
    if (item >= items) return;
    const int c = (int)(item % CHANNEL_BLOCKS) * VEC;
    const int first = (int)(item / CHANNEL_BLOCKS % strips) * LINES_PER_ITEM;
    const long n = item / ((long)CHANNEL_BLOCKS * strips);
    NAME(strip)
    (x + x_offset + n * S0 + c, dy + dy_offset + n * T0 + c, n, first, min(first + LINES_PER_ITEM, XH), c, STORE_ARGS);
}
#else
#define LINE_ITEMS ((LENGTH + COLS_PER_ITEM - 1) / COLS_PER_ITEM)

KERNEL NAME(pool_input)(X_PARAMS __global const float *dy, const ulong dy_offset, const long items,
                        STORE_PARAMS)
{
    const long item = get_global_id(0);
    if (item >= items) return;
    const int c = (int)(item % CHANNEL_BLOCKS) * VEC;
    const int first = (int)(item / CHANNEL_BLOCKS % LINE_ITEMS) * COLS_PER_ITEM;
    const int line = (int)(item / (CHANNEL_BLOCKS * LINE_ITEMS) % LINES);
    const long n = item / ((long)CHANNEL_BLOCKS * LINE_ITEMS * LINES);
    dy += dy_offset + n * T0;
#if !MEAN
    x += x_offset + n * S0;
#endif
    for (int at = first; at < min(first + COLS_PER_ITEM, LENGTH); at++) {
        if (VEC > 1 && c + VEC <= CHANNELS) {
            PUT_VECTOR;
        } else {
            for (int i = c; i < min(c + VEC, CHANNELS); i++) {
                PUT_ONE;
            }
        }
    }
}
#endif
