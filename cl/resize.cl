/* Resizing of images [n, XH, XW, CHANNELS] to [n, YH, YW, CHANNELS], dense, or (BACK 1) its gradient.
 *
 *   BILINEAR 1  place i lies at t = ((2 i + 1) in - out) / (2 out), at least 0, between pixels floor(t)
 *               and the next (or the last) of the image: shares 1 - (t - floor(t)) and t - floor(t)
 *   BILINEAR 0  place i is pixel floor(i in / out)
 * All in integers but for the last division. BACK gathers: a pixel of x adds dy of the places around it,
 * which lie in a row, times its share in each; in row-major order, no atomics.
 *
 * One work-item owns COLS_PER_ITEM neighbouring pixels of a line and VEC channels (or the last CHANNELS % VEC
 * one by one). Any local size, no local memory.
 */
#define CHANNEL_BLOCKS ((CHANNELS + VEC - 1) / VEC)
#if BACK
#define LINES  XH
#define LENGTH XW
#else
#define LINES  YH
#define LENGTH YW
#endif
#define LINE_ITEMS ((LENGTH + COLS_PER_ITEM - 1) / COLS_PER_ITEM)
#define READ(p)    (*(p))

#if BILINEAR
#define AT(i, in, out)    max((2 * (i) + 1) * (in) - (out), 0) /* t, in units of 1 / (2 out) */
#define LOW(i, in, out)   (AT(i, in, out) / (2 * (out)))
#define PART(i, in, out)  ((float)(AT(i, in, out) % (2 * (out))) / (float)(2 * (out)))
#define FIRST(p, in, out) max(((2 * (p)-1) * (out) - (in)) / (2 * (in)), 0)
#define LAST(p, in, out)  min((2 * (p) + 3) * (out) / (2 * (in)) + 1, (out)-1)
#else
#define LOW(i, in, out)   ((i) * (in) / (out))
#define PART(i, in, out)  0.0f
#define FIRST(p, in, out) (((p) * (out) + (in)-1) / (in))
#define LAST(p, in, out)  ((((p) + 1) * (out) + (in)-1) / (in)-1)
#endif

/* Share of pixel p in place i. */
float NAME(share)(const int p, const int i, const int in, const int out)
{
    const int low = LOW(i, in, out);
    const float part = PART(i, in, out);
    return (low == p ? 1.0f - part : 0.0f) + (min(low + 1, in - 1) == p ? part : 0.0f);
}

/* x: channels of the first pixel of an image. REAL is float or VF, LOAD its read. */
#define LOAD_PIXEL(LOAD, width, h, w) LOAD(x + ((long)(h) * (width) + (w)) * CHANNELS)
#define FORWARD(REAL, LOAD)                                                                                  \
    const int top = LOW(h, XH, YH), left = LOW(w, XW, YW);                                                   \
    if (!BILINEAR) return LOAD_PIXEL(LOAD, XW, top, left);                                                   \
    const int bottom = min(top + 1, XH - 1), right = min(left + 1, XW - 1);                                  \
    const float v = PART(h, XH, YH), u = PART(w, XW, YW);                                                    \
    const REAL upper = LOAD_PIXEL(LOAD, XW, top, left) * (1.0f - u) + LOAD_PIXEL(LOAD, XW, top, right) * u;  \
    const REAL lower =                                                                                       \
        LOAD_PIXEL(LOAD, XW, bottom, left) * (1.0f - u) + LOAD_PIXEL(LOAD, XW, bottom, right) * u;           \
    return upper * (1.0f - v) + lower * v;
#define BACKWARD(REAL, LOAD)                                                                                 \
    REAL sum = (REAL)(0.0f);                                                                                 \
    for (int oh = FIRST(h, XH, YH); oh <= LAST(h, XH, YH); oh++) {                                           \
        const float v = NAME(share)(h, oh, XH, YH);                                                          \
        for (int ow = FIRST(w, XW, YW); ow <= LAST(w, XW, YW); ow++)                                         \
            sum += LOAD_PIXEL(LOAD, YW, oh, ow) * (v * NAME(share)(w, ow, XW, YW));                          \
    }                                                                                                        \
    return sum;
#if BACK
#define PIXEL BACKWARD
#else
#define PIXEL FORWARD
#endif

VF NAME(pixel_vector)(__global const float *x, const int h, const int w)
{
    PIXEL(VF, VLOAD)
}
float NAME(pixel)(__global const float *x, const int h, const int w)
{
    PIXEL(float, READ)
}

KERNEL NAME(resize)(__global const float *x, const ulong x_offset, const long items, STORE_PARAMS)
{
    const long item = get_global_id(0);
    if (item >= items) return;
    const int c = (int)(item % CHANNEL_BLOCKS) * VEC;
    const int first = (int)(item / CHANNEL_BLOCKS % LINE_ITEMS) * COLS_PER_ITEM;
    const long line = item / (CHANNEL_BLOCKS * LINE_ITEMS);
    const int h = (int)(line % LINES);
    x += x_offset + line / LINES * ((long)(BACK ? YH * YW : XH * XW) * CHANNELS);
    for (int w = first; w < min(first + COLS_PER_ITEM, LENGTH); w++) {
        if (VEC > 1 && c + VEC <= CHANNELS) {
            STORE_V(line * LENGTH + w, c, NAME(pixel_vector)(x + c, h, w));
        } else {
            for (int i = c; i < min(c + VEC, CHANNELS); i++) {
                STORE_S(line * LENGTH + w, i, NAME(pixel)(x + i, h, w));
            }
        }
    }
}
